/* Work that may have to wait and starts over when it goes on. */
#include "base/must.h"
#include "step/records.h"

static void task_run(struct task *task, struct step *step)
{
    struct task *outer = step->running;

    step->running = task;
    enum status status = task->run(task, step);

    step->running = outer;
    if (status == STATUS_WAIT) {
        must(list_contains(&task->node));
        return;
    }
    list_remove(&task->node);
    holds_release(task);
    task->done(task, step, status);
}

void task_start(struct task *task, struct step *step)
{
    task_run(task, step);
}

void task_cancel(struct task *task)
{
    list_remove(&task->node);
    holds_release(task);
}

void task_wait(struct step *step, struct list *waiters)
{
    must(step->running != NULL);
    list_remove(&step->running->node);
    list_push(waiters, &step->running->node);
}

void task_wake(struct step *step, struct list *waiters, size_t max)
{
    struct list_node *node = NULL;

    while (max-- > 0 && (node = list_pop(waiters)) != NULL) {
        list_push(&step->records->runnable, node);
    }
}

void tasks_wake_all(struct records *records, struct list *waiters)
{
    list_move_all(&records->runnable, waiters);
}

void tasks_run(struct step *step)
{
    struct list_node *node = NULL;

    while ((node = list_pop(&step->records->runnable)) != NULL) {
        task_run(container_of(node, struct task, node), step);
    }
}

void step_when_durable(struct step *step, struct hook *hook)
{
    list_push(&records_filling(step->records)->hooks, &hook->node);
}

void timer_set(struct step *step, struct timer *timer, int64_t at_ms)
{
    timer->heap = &step->records->timers;
    heap_set(timer->heap, &timer->node, at_ms);
}

void timer_cancel(struct step *step, struct timer *timer)
{
    (void)step;
    if (timer->heap != NULL) {
        heap_remove(timer->heap, &timer->node);
        timer->heap = NULL;
    }
}

void timers_cancel(struct records *records)
{
    struct heap *timers = &records->timers;

    for (struct heap_node *node = heap_first(timers); node != NULL; node = heap_first(timers)) {
        heap_remove(timers, node);
        container_of(node, struct timer, node)->heap = NULL;
    }
}

void step_seal(struct step *step, struct sealed *sealed)
{
    if (!list_contains(&sealed->node)) {
        list_push(&step->records->sealed, &sealed->node);
    }
}
