#include "base/must.h"

#include <criterion/criterion.h>
#include <sys/wait.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

Test(must, what_is_true_goes_on)
{
    int evaluated = 0;

    must(++evaluated == 1);
    cr_assert_eq(evaluated, 1);
}

Test(must, what_is_false_stops_the_process_in_every_build, .signal = SIGABRT)
{
    must(1 + 1 == 3);
}

Test(must, the_last_words_say_what_where_and_in_the_middle_of_what)
{
    int ends[2];
    char words[4096];
    int status = 0;

    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        must_doing("Publish");
        must(ends[0] < 0);
        _Exit(0);
    }
    close(ends[1]);
    ssize_t len = read(ends[0], words, sizeof words - 1);

    cr_assert_gt(len, 0);
    words[len] = '\0';
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    cr_assert_not_null(strstr(words, "condition=\"ends[0] < 0\""));
    cr_assert_not_null(strstr(words, "test_must.c:"));
    cr_assert_not_null(strstr(words, "doing=Publish"));
}
