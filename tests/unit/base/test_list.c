/* The intrusive list. */
#include "base/list.h"

#include <criterion/criterion.h>

struct item {
    int number;
    struct list_node node;
};

static int item_number(struct list_node *node)
{
    return container_of(node, struct item, node)->number;
}

/* The numbers in order, as one decimal number. */
static int digits_of(struct list *list)
{
    int digits = 0;

    list_each (node, list) {
        digits = digits * 10 + item_number(node);
    }
    return digits;
}

Test(list, keeps_order_at_both_ends)
{
    struct list list;
    struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}};

    list_init(&list);
    cr_expect(list_is_empty(&list));
    cr_expect_null(list_first(&list));
    cr_expect_null(list_pop(&list));
    list_push(&list, &items[1].node);
    list_push(&list, &items[2].node);
    list_push_first(&list, &items[0].node);
    cr_expect_eq(digits_of(&list), 123);
    cr_expect_eq(list_pop(&list), &items[0].node);
    cr_expect_eq(digits_of(&list), 23);
}

Test(list, a_node_knows_whether_it_is_in_one)
{
    struct list list;
    struct item item = {.number = 1};

    list_init(&list);
    cr_expect_not(list_contains(&item.node));
    list_remove(&item.node);
    list_push(&list, &item.node);
    cr_expect(list_contains(&item.node));
    list_remove(&item.node);
    cr_expect_not(list_contains(&item.node));
    cr_expect(list_is_empty(&list));
}

Test(list, may_lose_the_node_at_hand_while_walked)
{
    struct list list;
    struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};

    list_init(&list);
    for (size_t i = 0; i < countof(items); i++) {
        list_push(&list, &items[i].node);
    }
    list_each (node, &list) {
        if (item_number(node) % 2 == 0) {
            list_remove(node);
        }
    }
    cr_expect_eq(digits_of(&list), 13);
}

Test(list, moves_all_to_another)
{
    struct list from;
    struct list to;
    struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}};

    list_init(&from);
    list_init(&to);
    list_push(&to, &items[0].node);
    list_move_all(&to, &from);
    list_push(&from, &items[1].node);
    list_push(&from, &items[2].node);
    list_move_all(&to, &from);
    cr_expect_eq(digits_of(&to), 123);
    cr_expect(list_is_empty(&from));
}
