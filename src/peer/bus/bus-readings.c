/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/bus/bus-readings.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "peer/bus/bus-values.h"
#include "peer/error.h"

/* The system bus takes messages of up to 32 MiB; a longer answer is cut, and asked for again. */
#define MAX_ANSWER (16 * 1024 * 1024)
#define ROW_OVERHEAD 128

/* ---- values ---------------------------------------------------------------------- */

/* What READING points to is VALUE's. */
static bool read_value(GVariant *value, Reading *reading, GError **error)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_DOUBLE)) {
        reading->kind = READING_NUMBER;
        reading->number = g_variant_get_double(value);
    } else if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)) {
        reading->kind = READING_TEXT;
        reading->data = g_variant_get_string(value, &reading->length);
    } else if (g_variant_is_of_type(value, G_VARIANT_TYPE_BYTESTRING)) {
        reading->kind = READING_BYTES;
        reading->data = g_variant_get_fixed_array(value, &reading->length, 1);
    } else {
        g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                    _("a value is a number (d), a text (s) or bytes (ay), not %s"),
                    g_variant_get_type_string(value));
        return false;
    }
    return true;
}

static GVariant *write_value(const Reading *reading)
{
    g_autofree char *text = NULL;

    switch (reading->kind) {
    case READING_TEXT:
        text = bus_text(reading->data, reading->length);
        return g_variant_new_string(text);
    case READING_BYTES:
        return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, reading->data, reading->length, 1);
    default:
        return g_variant_new_double(reading->number);
    }
}

static gsize size_of(const HistoryReading *reading)
{
    return reading->reading.length + strlen(reading->peer) + ROW_OVERHEAD;
}

/* ---- publishing -------------------------------------------------------------------- */

/* The answer comes when the reading is on the disk. */
static void on_done(guint64 sequence, const GError *error, gpointer data)
{
    GDBusMethodInvocation *invocation = data;

    if (error)
        bus_return_error(invocation, error);
    else
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(t)", sequence));
}

static gboolean publish(Peer *peer, const Reading *reading, GDBusMethodInvocation *invocation)
{
    g_autoptr(GError) error = NULL;

    if (!peer_publish(peer, reading, on_done, invocation, &error))
        bus_return_error(invocation, error);
    return TRUE;
}

static gboolean on_publish(RtcbusPeer1 *object, GDBusMethodInvocation *invocation, double value,
                           gpointer data)
{
    Reading reading = {.series = "", .unit = "", .time = (guint64) clock_wall(), .number = value};

    return publish(data, &reading, invocation);
}

/* What READING points to is SERIES, VALUE's and UNIT, which is the caller's to free. */
static bool read_reading(const char *series, GVariant *value, GVariant *dict, Reading *reading,
                         char **unit, GError **error)
{
    const BusOption table[] = {
        {"unit", "s", unit, NULL},
        {"time", "t", &reading->time, NULL},
        {},
    };

    *reading = (Reading){.series = series, .time = (guint64) clock_wall()};
    if (!bus_options_read(dict, table, error) || !read_value(value, reading, error))
        return false;
    reading->unit = *unit ? *unit : "";
    return true;
}

static gboolean on_publish_reading(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                                   const char *series, GVariant *boxed, GVariant *dict,
                                   gpointer data)
{
    g_autoptr(GVariant) value = g_variant_get_variant(boxed);
    g_autofree char *unit = NULL;
    g_autoptr(GError) error = NULL;
    Reading reading;

    if (read_reading(series, value, dict, &reading, &unit, &error))
        return publish(data, &reading, invocation);
    bus_return_error(invocation, error);
    return TRUE;
}

/* ---- publishing many ----------------------------------------------------------------- */

typedef struct {
    GDBusMethodInvocation *invocation;
    GArray *sequences; /* of guint64 */
    GError *error;     /* the first one */
    guint waiting;
} Batch;

static void batch_finish(Batch *batch)
{
    if (--batch->waiting > 0)
        return;
    if (batch->error)
        bus_return_error(batch->invocation, batch->error);
    else
        g_dbus_method_invocation_return_value(
            batch->invocation,
            g_variant_new("(@at)",
                          g_variant_new_fixed_array(G_VARIANT_TYPE_UINT64, batch->sequences->data,
                                                    batch->sequences->len, sizeof(guint64))));
    g_array_unref(batch->sequences);
    g_clear_error(&batch->error);
    g_free(batch);
}

static void on_one_done(guint64 sequence, const GError *error, gpointer data)
{
    Batch *batch = data;

    if (!error)
        g_array_append_val(batch->sequences, sequence);
    else if (!batch->error)
        batch->error = g_error_copy(error);
    batch_finish(batch);
}

/* BATCH NULL: it is only looked at. */
static bool publish_row(Peer *peer, GVariant *row, Batch *batch, GError **error)
{
    g_autoptr(GVariant) value = NULL, dict = NULL;
    g_autofree char *unit = NULL;
    const char *series;
    Reading reading;

    g_variant_get(row, "(&sv@a{sv})", &series, &value, &dict);
    if (!read_reading(series, value, dict, &reading, &unit, error))
        return false;
    if (!batch)
        return reading_check(&reading, error);
    if (!peer_publish(peer, &reading, on_one_done, batch, error))
        return false;
    batch->waiting++;
    return true;
}

static bool publish_rows(Peer *peer, GVariant *rows, Batch *batch, GError **error)
{
    gsize count = g_variant_n_children(rows);

    for (gsize i = 0; i < count; i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

        if (!publish_row(peer, row, batch, error))
            return false;
    }
    return true;
}

static gboolean on_publish_readings(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                                    GVariant *rows, gpointer data)
{
    g_autoptr(GError) error = NULL;
    Batch *batch;

    if (!publish_rows(data, rows, NULL, &error)) {
        bus_return_error(invocation, error);
        return TRUE;
    }
    batch = g_new0(Batch, 1);
    batch->invocation = invocation;
    batch->sequences = g_array_new(FALSE, FALSE, sizeof(guint64));
    batch->waiting = 1;
    publish_rows(data, rows, batch, &batch->error);
    batch_finish(batch);
    return TRUE;
}

/* ---- reading ------------------------------------------------------------------------- */

typedef struct {
    GVariantBuilder rows;
    gsize size;
} Answer;

static GVariant *number_to_variant(const HistoryReading *reading)
{
    return g_variant_new("(ttsd)", reading->sequence, reading->received, reading->peer,
                         reading->reading.number);
}

static GVariant *reading_to_variant(const HistoryReading *reading)
{
    const Reading *what = &reading->reading;

    return g_variant_new("(tttssvs)", reading->sequence, reading->received, what->time,
                         reading->peer, what->series, write_value(what), what->unit);
}

/* False: it is long enough. */
static bool answer_add(Answer *answer, GVariant *row, const HistoryReading *reading)
{
    g_variant_builder_add_value(&answer->rows, row);
    answer->size += size_of(reading);
    return answer->size < MAX_ANSWER;
}

static bool add_number(const HistoryReading *reading, gpointer data)
{
    return answer_add(data, number_to_variant(reading), reading);
}

static bool add_reading(const HistoryReading *reading, gpointer data)
{
    return answer_add(data, reading_to_variant(reading), reading);
}

static gboolean on_read_numbers(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                                guint64 after, guint max, gpointer data)
{
    const HistoryFilter filter = {.numbers = true};
    Answer answer = {};
    guint64 lost;

    g_variant_builder_init(&answer.rows, G_VARIANT_TYPE("a(ttsd)"));
    lost = store_read_history(peer_store(data), after, max, &filter, add_number, &answer);
    rtcbus_peer1_complete_read_numbers(object, invocation, g_variant_builder_end(&answer.rows),
                                       lost);
    return TRUE;
}

static gboolean on_read_readings(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                                 guint64 after, guint max, GVariant *dict, gpointer data)
{
    g_autofree char *who = NULL, *series = NULL;
    HistoryFilter filter = {};
    g_autoptr(GError) error = NULL;
    Answer answer = {};
    guint64 lost;
    const BusOption table[] = {
        {"peer", "s", &who, NULL},
        {"series", "s", &series, NULL},
        {"since", "t", &filter.since, NULL},
        {"last", "u", &filter.last, NULL},
        {},
    };

    if (!bus_options_read(dict, table, &error)) {
        bus_return_error(invocation, error);
        return TRUE;
    }
    filter.peer = who;
    filter.series = series;
    g_variant_builder_init(&answer.rows, G_VARIANT_TYPE("a(tttssvs)"));
    lost = store_read_history(peer_store(data), after, max, &filter, add_reading, &answer);
    rtcbus_peer1_complete_read_readings(object, invocation, g_variant_builder_end(&answer.rows),
                                        lost);
    return TRUE;
}

static void add_series(const SeriesReport *series, gpointer data)
{
    g_variant_builder_add(data, "(sssvttt)", series->peer, series->last.series, series->last.unit,
                          write_value(&series->last), series->last.time, series->received,
                          series->missed);
}

static gboolean on_list_series(RtcbusPeer1 *object, GDBusMethodInvocation *invocation,
                               gpointer data)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sssvttt)"));
    store_list_series(peer_store(data), add_series, &builder);
    rtcbus_peer1_complete_list_series(object, invocation, g_variant_builder_end(&builder));
    return TRUE;
}

/* ---- the object -------------------------------------------------------------------------- */

void bus_readings_connect(RtcbusPeer1 *object, Peer *peer)
{
    g_signal_connect(object, "handle-publish", G_CALLBACK(on_publish), peer);
    g_signal_connect(object, "handle-publish-reading", G_CALLBACK(on_publish_reading), peer);
    g_signal_connect(object, "handle-publish-readings", G_CALLBACK(on_publish_readings), peer);
    g_signal_connect(object, "handle-read-numbers", G_CALLBACK(on_read_numbers), peer);
    g_signal_connect(object, "handle-read-readings", G_CALLBACK(on_read_readings), peer);
    g_signal_connect(object, "handle-list-series", G_CALLBACK(on_list_series), peer);
}

void bus_readings_update(RtcbusPeer1 *object, const Peer *peer)
{
    const Store *store = peer_store(peer);

    if (!store) /* the peer is ending */
        return;
    rtcbus_peer1_set_history_id(object, store_history_id(store));
    rtcbus_peer1_set_readings_error(object, store_problem(store) ? store_problem(store) : "");
}

gsize bus_readings_tell(RtcbusPeer1 *object, const HistoryReading *reading)
{
    const Reading *what = &reading->reading;

    rtcbus_peer1_emit_reading_received(object, reading->sequence, reading->received, what->time,
                                       reading->peer, what->series,
                                       g_variant_new_variant(write_value(what)), what->unit);
    if (reading_is_plain_number(what))
        rtcbus_peer1_emit_number_received(object, reading->sequence, reading->received,
                                          reading->peer, what->number);
    return size_of(reading);
}

GVariant *bus_readings_last_number(const Peer *peer)
{
    HistoryReading last = {.peer = ""};

    store_last_number(peer_store(peer), &last);
    return number_to_variant(&last);
}
