/* A reading: family after family, line after line, in pieces. */
#include "base/encoding.h"
#include "base/memory.h"
#include "base/must.h"
#include "metrics/internal.h"

#include <math.h>

struct metrics_reading {
    const struct metric *row;
    bool has_objects;
    bool has_begun; /* this row's head is written */
    size_t at;      /* the next object of this row */
    uint32_t *queues;
    size_t queue_count;
    struct lane_id *lanes;
    size_t lane_count;
};

/* --- Which objects there are.  By number: between two pieces any of them may go. */

static void queues_note(struct metrics_reading *reading, struct queues *queues)
{
    struct queue *queue = NULL;

    reading->queues = memory_zero((queues_count(queues) + 1) * sizeof *reading->queues);
    while ((queue = queue_next(queues, queue)) != NULL) {
        reading->queues[reading->queue_count++] = queue->number;
    }
}

static void lanes_note(struct metrics_reading *reading, const struct deliveries *deliveries)
{
    struct lane_id lane = {0};
    size_t count = 0;

    while (lane_next(deliveries, &lane)) {
        count++;
    }
    reading->lanes = memory_zero((count + 1) * sizeof *reading->lanes);
    lane = (struct lane_id){0};
    while (reading->lane_count < count && lane_next(deliveries, &lane)) {
        reading->lanes[reading->lane_count++] = lane;
    }
}

struct metrics_reading *metrics_begin_over(const struct metric *table,
                                           const struct metrics_sources *sources,
                                           bool has_objects)
{
    struct metrics_reading *reading = memory_zero(sizeof *reading);

    reading->row = table;
    reading->has_objects = has_objects;
    if (has_objects) {
        queues_note(reading, cell_queues(sources->cell));
        lanes_note(reading, cell_deliveries(sources->cell));
    }
    return reading;
}

struct metrics_reading *metrics_begin(const struct metrics_sources *sources, bool has_objects)
{
    return metrics_begin_over(metrics_table, sources, has_objects);
}

void metrics_end(struct metrics_reading *reading)
{
    if (reading != NULL) {
        memory_free(reading->queues);
        memory_free(reading->lanes);
        memory_free(reading);
    }
}

/* --- Lines. */

static bool is_escaped(struct text value)
{
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.at[i];

        if (byte == '"' || byte == '\\' || byte == '\n' || byte == '\0') {
            return true;
        }
    }
    return !text_is_utf8(value);
}

static void add_escaped(struct buffer *to, struct text value)
{
    struct buffer clean;

    buffer_init(&clean, 3 * value.len + 1);
    utf8_add_clean(&clean, value);
    value = buffer_text(&clean);
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.at[i];

        if (byte == '"' || byte == '\\') {
            buffer_add_byte(to, '\\');
        }
        if (byte == '\n') {
            buffer_add_string(to, "\\n");
        } else {
            buffer_add_byte(to, byte);
        }
    }
    buffer_free(&clean);
}

/* A label's value: quotes, backslashes and line ends are escaped; what is not UTF-8 would make
 * readers refuse the whole page. */
static void add_label(struct buffer *to, const char *name, struct text value)
{
    buffer_add_string(to, name);
    buffer_add_string(to, "=\"");
    if (is_escaped(value)) {
        add_escaped(to, value);
    } else {
        buffer_add(to, value);
    }
    buffer_add_byte(to, '"');
}

static void add_figure(struct buffer *to, double figure)
{
    buffer_add_byte(to, ' ');
    if (figure == trunc(figure) && fabs(figure) < 9e15) { /* exact up to 2^53 */
        buffer_add_int64(to, (int64_t)figure);
    } else {
        buffer_printf(to, "%.6f", figure);
    }
    buffer_add_byte(to, '\n');
}

static void write_queue(const struct metric *row, const struct metrics_sources *sources,
                        uint32_t number, struct buffer *to)
{
    const struct queue *queue = queue_find_number(cell_queues(sources->cell), number);

    if (queue == NULL) {
        return;
    }
    buffer_add_string(to, row->name);
    buffer_add_byte(to, '{');
    add_label(to, "queue", queue->name);
    buffer_add_byte(to, ',');
    add_label(to, "region", queue->region);
    buffer_add_byte(to, ',');
    add_label(to, "account", queue->account);
    buffer_add_byte(to, '}');
    add_figure(to, row->of_queue(queue, cell_now_ms(sources->cell)));
}

static void write_lane(const struct metric *row, const struct metrics_sources *sources,
                       struct lane_id lane, struct buffer *to)
{
    const struct router *router = cell_router(sources->cell);
    struct topic *topic = topic_find_number(cell_router(sources->cell), lane.topic);
    struct lane_status status = lane_status(cell_deliveries(sources->cell), lane);
    uint8_t id[16];
    char uuid[UUID_SIZE];

    if (topic == NULL || !subscription_id_of(router, lane.subscription, id)) {
        return;
    }
    uuid_format(id, uuid);
    buffer_add_string(to, row->name);
    buffer_add_byte(to, '{');
    add_label(to, "topic", topic->name);
    buffer_printf(to, ",subscription=\"%s\"}", uuid);
    add_figure(to, row->of_lane(&status));
}

/* --- Pieces. */

static size_t object_count(const struct metrics_reading *reading)
{
    const struct metric *row = reading->row;

    return row->read != NULL       ? 1
           : row->of_queue != NULL ? reading->queue_count
                                   : reading->lane_count;
}

static void write_object(const struct metrics_reading *reading,
                         const struct metrics_sources *sources, struct buffer *to)
{
    const struct metric *row = reading->row;

    if (row->of_queue != NULL) {
        write_queue(row, sources, reading->queues[reading->at], to);
    } else if (row->of_lane != NULL) {
        write_lane(row, sources, reading->lanes[reading->at], to);
    } else {
        must(row->read != NULL);
        buffer_add_string(to, row->name);
        add_figure(to, row->read(sources));
    }
}

/* The rest of the present row; false: there was enough before its end. */
static bool row_write(struct metrics_reading *reading, const struct metrics_sources *sources,
                      struct buffer *to, size_t end)
{
    const struct metric *row = reading->row;

    if (!reading->has_begun) {
        buffer_printf(to, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                      row->type);
        reading->has_begun = true;
    }
    for (; reading->at < object_count(reading); reading->at++) {
        if (to->len >= end) {
            return false;
        }
        write_object(reading, sources, to);
    }
    reading->at = 0;
    reading->has_begun = false;
    return true;
}

bool metrics_write(struct metrics_reading *reading, const struct metrics_sources *sources,
                   struct buffer *to, size_t enough)
{
    size_t end = to->len + enough;

    for (; reading->row->name != NULL; reading->row++) {
        bool is_wanted = reading->row->read != NULL || reading->has_objects;

        if (is_wanted && !row_write(reading, sources, to, end)) {
            return true;
        }
    }
    return false;
}
