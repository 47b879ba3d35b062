/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A message is a byte of type, and then members. Whole numbers are written seven bits a
 * byte, the lowest first, the eighth bit says that more follow; signed ones are folded
 * (0, −1, 1, −2, …). A reading is a byte of flags, and then what they announce, in the
 * order of the flags below.
 */

#include <config.h>

#include "peer/readings/feed-frame.h"

#include <math.h>
#include <string.h>

#include "peer/error.h"

enum {
    /* The low four bits say what the value is. */
    VALUE_TEXT = 0,
    VALUE_BYTES = 1,
    VALUE_DOUBLE = 2,  /* IEEE 754, eight bytes, the lowest first */
    VALUE_DECIMAL = 3, /* a whole number; 4: of tenths, 5: of hundredths, … 9: of millionths */
    VALUE_NONE = 10,   /* a base: neither sequence, time nor value */
    VALUE_MASK = 15,

    FLAG_SAME = 1 << 4,   /* the series of the reading before it in the message: no number */
    FLAG_DEFINE = 1 << 5, /* the number's series and unit follow, for this one and from now on */
    FLAG_NTH = 1 << 6,    /* which one of its series it is; else the next one */
    FLAG_JUMP = 1 << 7,   /* how many sequences are passed over; else none */
};

enum {
    DECIMALS = 6,
    HELLO_KNOWN = 1,
    HELLO_PACE = 2,
    WELCOME_GREETING = 1,
    EPOCH_LENGTH = RANDOM_ID_LENGTH / 2,
};
#define MAX_DECIMAL (G_GINT64_CONSTANT(1) << 47) /* below it a decimal is shorter than a double */

static const double powers[DECIMALS + 1] = {1, 10, 100, 1000, 10000, 100000, 1000000};

/* ---- bytes ------------------------------------------------------------------- */

static void put(GByteArray *out, const void *bytes, gsize length)
{
    g_byte_array_append(out, bytes, (guint) length);
}

static void put_u8(GByteArray *out, guint8 value)
{
    put(out, &value, 1);
}

static void put_whole(GByteArray *out, guint64 value)
{
    guint8 bytes[10];
    guint n = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (guint8) value | 0x80;
    bytes[n++] = (guint8) value;
    put(out, bytes, n);
}

static guint64 fold(gint64 value)
{
    return (guint64) value << 1 ^ (guint64) (value >> 63);
}

static gint64 unfold(guint64 value)
{
    return (gint64) (value >> 1 ^ -(value & 1));
}

static void put_string(GByteArray *out, const void *bytes, gsize length)
{
    put_whole(out, length);
    put(out, bytes, length);
}

/* What is left of a message. After the first failure nothing is read any more. */
typedef struct {
    const guint8 *at, *end;
    bool failed;
} FeedCursor;

static const guint8 *get(FeedCursor *cursor, gsize length)
{
    const guint8 *at = cursor->at;

    if (cursor->failed || length > (gsize) (cursor->end - at)) {
        cursor->failed = true;
        return NULL;
    }
    cursor->at += length;
    return at;
}

static guint8 get_u8(FeedCursor *cursor)
{
    const guint8 *at = get(cursor, 1);

    return at ? *at : 0;
}

/* Each number is written in one way only. */
static guint64 get_whole(FeedCursor *cursor)
{
    guint64 value = 0;

    for (guint shift = 0; shift < 64; shift += 7) {
        guint8 byte = get_u8(cursor);

        if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
            break;
        value |= (guint64) (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    cursor->failed = true;
    return 0;
}

static bool fail(GError **error, const char *what)
{
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT, what);
    return false;
}

/* ---- the small messages --------------------------------------------------------- */

static void put_epoch(GByteArray *out, const char *epoch)
{
    guint8 bytes[EPOCH_LENGTH];

    for (guint i = 0; i < EPOCH_LENGTH; i++)
        bytes[i] = (guint8) (g_ascii_xdigit_value(epoch[2 * i]) << 4 |
                             g_ascii_xdigit_value(epoch[2 * i + 1]));
    put(out, bytes, sizeof bytes);
}

static void get_epoch(FeedCursor *cursor, char epoch[RANDOM_ID_LENGTH + 1])
{
    const guint8 *bytes = get(cursor, EPOCH_LENGTH);

    for (guint i = 0; bytes && i < EPOCH_LENGTH; i++)
        g_snprintf(epoch + 2 * i, 3, "%02x", bytes[i]);
}

void feed_write_hello(GByteArray *out, const FeedHello *hello)
{
    put_u8(out, FEED_HELLO);
    put_u8(out, (hello->known ? HELLO_KNOWN : 0) | (hello->pace > 0 ? HELLO_PACE : 0));
    put_whole(out, hello->window);
    if (hello->known) {
        put_epoch(out, hello->epoch);
        put_whole(out, hello->sequence);
    }
    if (hello->pace > 0)
        put_whole(out, hello->pace);
}

void feed_write_welcome(GByteArray *out, const FeedWelcome *welcome)
{
    put_u8(out, FEED_WELCOME);
    put_u8(out, welcome->greeting ? WELCOME_GREETING : 0);
    put_epoch(out, welcome->epoch);
    put_whole(out, welcome->start);
}

void feed_write_greeted(GByteArray *out)
{
    put_u8(out, FEED_GREETED);
}

void feed_write_ack(GByteArray *out, const FeedAck *ack)
{
    put_u8(out, FEED_ACK);
    put_whole(out, ack->bytes);
    put_whole(out, ack->sequence);
}

bool feed_frame_type(const guint8 *bytes, gsize length, FeedFrameType *type)
{
    if (length == 0)
        return false;
    *type = bytes[0];
    return true;
}

bool feed_read_hello(const guint8 *bytes, gsize length, FeedHello *hello, GError **error)
{
    FeedCursor cursor = {bytes + 1, bytes + length};
    guint8 flags = get_u8(&cursor);
    FeedHello read = {.known = flags & HELLO_KNOWN};

    read.window = get_whole(&cursor);
    if (read.known) {
        get_epoch(&cursor, read.epoch);
        read.sequence = get_whole(&cursor);
    }
    if (flags & HELLO_PACE)
        read.pace = get_whole(&cursor);
    if (cursor.failed)
        return fail(error, "a HELLO that ends early");
    *hello = read;
    return true;
}

bool feed_read_welcome(const guint8 *bytes, gsize length, FeedWelcome *welcome, GError **error)
{
    FeedCursor cursor = {bytes + 1, bytes + length};
    FeedWelcome read = {.greeting = get_u8(&cursor) & WELCOME_GREETING};

    get_epoch(&cursor, read.epoch);
    read.start = get_whole(&cursor);
    if (cursor.failed)
        return fail(error, "a WELCOME that ends early");
    *welcome = read;
    return true;
}

bool feed_read_ack(const guint8 *bytes, gsize length, FeedAck *ack, GError **error)
{
    FeedCursor cursor = {bytes + 1, bytes + length};
    FeedAck read = {.bytes = get_whole(&cursor)};

    read.sequence = get_whole(&cursor);
    if (cursor.failed)
        return fail(error, "an ACK that ends early");
    *ack = read;
    return true;
}

/* ---- what both remember ----------------------------------------------------------- */

/* A series under the number that it has on the channel */
typedef struct {
    char *series, *unit;
    guint64 nth; /* of the last one */
} FeedSeries;

static void feed_series_clear(gpointer data)
{
    FeedSeries *series = data;

    g_free(series->series);
    g_free(series->unit);
}

/* ---- to write readings --------------------------------------------------------------- */

struct FeedWriter {
    GArray *series;   /* of FeedSeries */
    GHashTable *ids;  /* a series' name → its place in SERIES, plus 1 */
    guint64 sequence; /* of the last reading */
    guint64 time;
    int before; /* the place of the last one's series in this message; −1: none */
};

FeedWriter *feed_writer_new(void)
{
    FeedWriter *writer = g_new0(FeedWriter, 1);

    writer->series = g_array_new(FALSE, TRUE, sizeof(FeedSeries));
    g_array_set_clear_func(writer->series, feed_series_clear);
    writer->ids = g_hash_table_new(g_str_hash, g_str_equal);
    return writer;
}

void feed_writer_free(FeedWriter *writer)
{
    if (!writer)
        return;
    g_hash_table_unref(writer->ids);
    g_array_unref(writer->series);
    g_free(writer);
}

void feed_writer_reset(FeedWriter *writer)
{
    g_hash_table_remove_all(writer->ids);
    g_array_set_size(writer->series, 0);
    writer->sequence = writer->time = 0;
    writer->before = -1;
}

void feed_writer_set_sequence(FeedWriter *writer, guint64 after)
{
    writer->sequence = after;
}

void feed_writer_begin(FeedWriter *writer, GByteArray *out, FeedFrameType type)
{
    writer->before = -1;
    put_u8(out, type);
}

/* The kind of value that is shortest, and the decimal */
static guint8 number_kind(double number, gint64 *decimal)
{
    if (number == 0 && signbit(number))
        return VALUE_DOUBLE;
    for (guint i = 0; i <= DECIMALS && fabs(number * powers[i]) < (double) MAX_DECIMAL; i++) {
        *decimal = (gint64) rint(number * powers[i]);
        if ((double) *decimal / powers[i] == number)
            return (guint8) (VALUE_DECIMAL + i);
    }
    return VALUE_DOUBLE;
}

static void put_double(GByteArray *out, double number)
{
    guint64 bits;

    memcpy(&bits, &number, sizeof bits);
    bits = GUINT64_TO_LE(bits);
    put(out, &bits, sizeof bits);
}

/* The place of READING's series, made if it is new. Its name is kept as the key. */
static guint place_of(FeedWriter *writer, const Reading *reading, bool *define)
{
    guint id = GPOINTER_TO_UINT(g_hash_table_lookup(writer->ids, reading->series));
    FeedSeries *series;

    if (id == 0 && writer->series->len == FEED_MAX_SERIES) { /* they are named again */
        g_hash_table_remove_all(writer->ids);
        g_array_set_size(writer->series, 0);
        writer->before = -1;
    }
    if (id == 0) {
        g_array_set_size(writer->series, writer->series->len + 1);
        id = writer->series->len;
        series = &g_array_index(writer->series, FeedSeries, id - 1);
        series->series = g_strdup(reading->series);
        g_hash_table_insert(writer->ids, series->series, GUINT_TO_POINTER(id));
    }
    series = &g_array_index(writer->series, FeedSeries, id - 1);
    *define = !series->unit || strcmp(series->unit, reading->unit) != 0;
    if (*define) {
        g_free(series->unit);
        series->unit = g_strdup(reading->unit);
    }
    return id - 1;
}

/* Which series, and which one of it */
static void put_head(FeedWriter *writer, GByteArray *out, const EmittedReading *reading,
                     guint8 kind)
{
    bool define;
    guint place = place_of(writer, &reading->reading, &define);
    FeedSeries *series = &g_array_index(writer->series, FeedSeries, place);
    bool same = writer->before == (int) place && !define;
    bool explicit_nth = define || reading->nth != series->nth + 1;
    bool jump = kind != VALUE_NONE && reading->sequence != writer->sequence + 1;

    put_u8(out, (guint8) (kind | (same ? FLAG_SAME : 0) | (define ? FLAG_DEFINE : 0) |
                          (explicit_nth ? FLAG_NTH : 0) | (jump ? FLAG_JUMP : 0)));
    if (!same)
        put_whole(out, place);
    if (define) {
        put_string(out, series->series, strlen(series->series));
        put_string(out, series->unit, strlen(series->unit));
    }
    if (explicit_nth)
        put_whole(out, reading->nth);
    if (jump)
        put_whole(out, reading->sequence - writer->sequence - 1);
    series->nth = reading->nth;
    writer->before = (int) place;
}

void feed_writer_add(FeedWriter *writer, GByteArray *out, const EmittedReading *reading)
{
    const Reading *value = &reading->reading;
    gint64 decimal = 0;
    guint8 kind = value->kind == READING_TEXT    ? VALUE_TEXT
                  : value->kind == READING_BYTES ? VALUE_BYTES
                                                 : number_kind(value->number, &decimal);

    if (reading->sequence == 0) {
        put_head(writer, out, reading, VALUE_NONE);
        return;
    }
    put_head(writer, out, reading, kind);
    put_whole(out, fold((gint64) (value->time - writer->time)));
    if (kind == VALUE_DOUBLE)
        put_double(out, value->number);
    else if (kind >= VALUE_DECIMAL)
        put_whole(out, fold(decimal));
    else
        put_string(out, value->data, value->length);
    writer->sequence = reading->sequence;
    writer->time = value->time;
}

/* ---- to read them ---------------------------------------------------------------------- */

struct FeedReader {
    GArray *series;    /* of FeedSeries */
    GArray *readings;  /* of EmittedReading: those of the last message */
    GPtrArray *former; /* names that readings of the last message still point to */
    guint64 sequence, time;
};

FeedReader *feed_reader_new(void)
{
    FeedReader *reader = g_new0(FeedReader, 1);

    reader->series = g_array_new(FALSE, TRUE, sizeof(FeedSeries));
    g_array_set_clear_func(reader->series, feed_series_clear);
    reader->readings = g_array_new(FALSE, FALSE, sizeof(EmittedReading));
    reader->former = g_ptr_array_new_with_free_func(g_free);
    return reader;
}

void feed_reader_free(FeedReader *reader)
{
    if (!reader)
        return;
    g_array_unref(reader->series);
    g_array_unref(reader->readings);
    g_ptr_array_unref(reader->former);
    g_free(reader);
}

void feed_reader_reset(FeedReader *reader)
{
    g_array_set_size(reader->readings, 0);
    g_array_set_size(reader->series, 0);
    g_ptr_array_set_size(reader->former, 0);
    reader->sequence = reader->time = 0;
}

void feed_reader_set_sequence(FeedReader *reader, guint64 after)
{
    reader->sequence = after;
}

guint64 feed_reader_sequence(const FeedReader *reader)
{
    return reader->sequence;
}

static char *get_name(FeedCursor *cursor, gsize max)
{
    gsize length = get_whole(cursor);
    const guint8 *bytes = length <= max ? get(cursor, length) : NULL;

    if (!bytes || memchr(bytes, '\0', length)) {
        cursor->failed = true;
        return NULL;
    }
    return g_strndup((const char *) bytes, length);
}

static void define(FeedReader *reader, FeedCursor *cursor, guint place)
{
    FeedSeries *series;
    g_autofree char *name = get_name(cursor, READING_MAX_SERIES);
    g_autofree char *unit = get_name(cursor, READING_MAX_UNIT);

    if (cursor->failed)
        return;
    if (place == reader->series->len)
        g_array_set_size(reader->series, place + 1);
    series = &g_array_index(reader->series, FeedSeries, place);
    if (series->series && strcmp(series->series, name) != 0)
        series->nth = 0;
    if (series->series) {
        g_ptr_array_add(reader->former, series->series);
        g_ptr_array_add(reader->former, series->unit);
    }
    series->series = g_steal_pointer(&name);
    series->unit = g_steal_pointer(&unit);
}

/* The series that FLAGS and what follows name; NULL: it fails. */
static FeedSeries *get_series(FeedReader *reader, FeedCursor *cursor, guint8 flags, guint64 *place)
{
    if (!(flags & FLAG_SAME))
        *place = get_whole(cursor);
    if (flags & FLAG_DEFINE && *place <= reader->series->len && *place < FEED_MAX_SERIES)
        define(reader, cursor, (guint) *place);
    if (*place >= reader->series->len)
        cursor->failed = true;
    return cursor->failed ? NULL : &g_array_index(reader->series, FeedSeries, *place);
}

static double get_double(FeedCursor *cursor)
{
    const guint8 *bytes = get(cursor, sizeof(guint64));
    guint64 bits = 0;
    double number;

    if (bytes)
        memcpy(&bits, bytes, sizeof bits);
    bits = GUINT64_FROM_LE(bits);
    memcpy(&number, &bits, sizeof number);
    return number;
}

static void get_value(FeedCursor *cursor, guint8 kind, Reading *reading)
{
    if (kind == VALUE_TEXT || kind == VALUE_BYTES) {
        reading->kind = kind == VALUE_TEXT ? READING_TEXT : READING_BYTES;
        reading->length = get_whole(cursor);
        reading->data = get(cursor, reading->length);
        return;
    }
    reading->kind = READING_NUMBER;
    if (kind == VALUE_DOUBLE)
        reading->number = get_double(cursor);
    else if (kind <= VALUE_DECIMAL + DECIMALS)
        reading->number = (double) unfold(get_whole(cursor)) / powers[kind - VALUE_DECIMAL];
    else
        cursor->failed = true;
}

/* Neither may go round. */
static bool add_up(guint64 *sum, guint64 more)
{
    return !__builtin_add_overflow(*sum, more, sum);
}

static void get_reading(FeedReader *reader, FeedCursor *cursor, guint64 *place, EmittedReading *out)
{
    guint8 flags = get_u8(cursor), kind = flags & VALUE_MASK;
    FeedSeries *series = get_series(reader, cursor, flags, place);

    if (!series)
        return;
    *out = (EmittedReading){.nth = flags & FLAG_NTH ? get_whole(cursor) : series->nth + 1,
                            .reading = {.series = series->series, .unit = series->unit}};
    series->nth = out->nth;
    if (kind == VALUE_NONE)
        return;
    if (!add_up(&reader->sequence, 1) ||
        (flags & FLAG_JUMP && !add_up(&reader->sequence, get_whole(cursor))))
        cursor->failed = true;
    reader->time += (guint64) unfold(get_whole(cursor));
    out->sequence = reader->sequence;
    out->reading.time = reader->time;
    get_value(cursor, kind, &out->reading);
}

bool feed_reader_read(FeedReader *reader, const guint8 *bytes, gsize length,
                      const EmittedReading **out, guint *count, GError **error)
{
    FeedCursor cursor = {bytes + 1, bytes + length};
    guint64 place = FEED_MAX_SERIES; /* of no series, so that the first one has to say its own */

    g_array_set_size(reader->readings, 0);
    g_ptr_array_set_size(reader->former, 0);
    while (cursor.at < cursor.end && !cursor.failed) {
        EmittedReading reading = {};

        if (reader->readings->len == FEED_MAX_READINGS)
            return fail(error, "too many readings in a message");
        get_reading(reader, &cursor, &place, &reading);
        if (!cursor.failed && !reading_check(&reading.reading, error))
            return false;
        g_array_append_val(reader->readings, reading);
    }
    if (cursor.failed)
        return fail(error, "readings that make no sense");
    *out = (const EmittedReading *) reader->readings->data;
    *count = reader->readings->len;
    return true;
}
