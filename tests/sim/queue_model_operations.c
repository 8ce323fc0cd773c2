/* One operation of a client, from its start to its end or its loss. */
#include "queue_model.h"

#include "base/memory.h"

struct operation *operation_of(struct call *call)
{
    return container_of(container_of(call, struct world_call, call), struct operation, call);
}

static void operation_free(struct operation *operation)
{
    for (size_t i = 0; i < operation->receive.lent_count; i++) {
        queue_lent_free(&operation->lent[i]);
    }
    arena_free(&operation->arena);
    memory_free(operation);
}

static void on_ended(struct world_call *call, enum status status)
{
    struct operation *operation = container_of(call, struct operation, call);

    operation->ended(operation, status);
    operation_free(operation);
}

void on_lost(struct world *world, struct call *call)
{
    struct operation *operation = operation_of(call);

    (void)world;
    if (operation->lost != NULL) {
        operation->lost(operation);
    }
    operation_free(operation);
}

struct operation *operation_new(struct scene *scene,
                                enum status (*run)(struct call *call, struct step *step),
                                void (*ended)(struct operation *, enum status))
{
    struct operation *operation = memory_zero(sizeof *operation);

    operation->scene = scene;
    operation->call.call.run = run;
    operation->call.ended = on_ended;
    operation->ended = ended;
    operation->started_ms = scene->world->now_ms;
    operation->incarnation = scene->incarnation;
    return operation;
}
