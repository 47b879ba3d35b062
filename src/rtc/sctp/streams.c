/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A stream costs a hundred bytes an association, so one with a remote that adds
 * some begins with few, and asks when a channel needs them. libwebrtc and
 * libdatachannel never add any, and a request that stays without an answer
 * would in the end be that of the association.
 */

#include <config.h>

#include "rtc/sctp/streams.h"

#include "common/log.h"

#define MORE 96 /* at least, in a request */

struct Streams {
    StreamsState state;
    guint count, max;
    GArray *resets; /* of guint16, streams that wait to be reset, each once */
    const StreamsOps *ops;
    gpointer data;
};

const char *streams_state_to_string(StreamsState state)
{
    static const char *const names[] = {
        [STREAMS_CLOSED] = "closed",
        [STREAMS_IDLE] = "idle",
        [STREAMS_ADDING] = "adding",
        [STREAMS_RESETTING] = "resetting",
    };
    return names[state];
}

StreamsState streams_state(const Streams *streams)
{
    return streams->state;
}

static void streams_enter_state(Streams *streams, StreamsState state)
{
    if (streams->state == state)
        return;
    log_debug("streams: %s → %s", streams_state_to_string(streams->state),
              streams_state_to_string(state));
    streams->state = state;
}

Streams *streams_new(guint count, guint max, const StreamsOps *ops, gpointer data)
{
    Streams *streams = g_new0(Streams, 1);

    streams->count = count;
    streams->max = max;
    streams->resets = g_array_new(FALSE, FALSE, sizeof(guint16));
    streams->ops = ops;
    streams->data = data;
    return streams;
}

void streams_free(Streams *streams)
{
    if (!streams)
        return;
    g_array_unref(streams->resets);
    g_free(streams);
}

void streams_open(Streams *streams, guint count)
{
    if (streams->count == streams->max)
        streams->max = count;
    streams->count = count;
    if (streams->state == STREAMS_CLOSED)
        streams_enter_state(streams, STREAMS_IDLE);
}

bool streams_has(const Streams *streams, guint16 stream)
{
    return stream < streams->count;
}

bool streams_want(Streams *streams, guint16 stream)
{
    guint more;

    if (stream >= streams->max)
        return false;
    if (streams->state != STREAMS_IDLE)
        return true;
    more = MAX(MAX(MORE, streams->count), stream + 1 - streams->count);
    switch (streams->ops->add(MIN(more, streams->max - streams->count), streams->data)) {
    case STREAMS_DONE:
        streams_enter_state(streams, STREAMS_ADDING);
        return true;
    case STREAMS_LATER:
        return true;
    case STREAMS_REFUSED:
    default:
        return false;
    }
}

/* Takes the stream at INDEX out of those that wait. */
static void give_up(Streams *streams, guint index)
{
    guint16 stream = g_array_index(streams->resets, guint16, index);

    log_debug("streams: the remote is not told that %u has ended", stream);
    g_array_remove_index(streams->resets, index);
    streams->ops->ended(stream, streams->data);
}

/*
 * The remote may use more streams than we have, and can be told of the end of one only on the
 * same of ours: so that is added. Where it cannot be, nothing of ours could end, and nobody will
 * answer. usrsctp refuses a request with one of them whole. False: not yet, or nothing is left.
 */
static bool prepare(Streams *streams)
{
    for (guint i = 0; i < streams->resets->len;) {
        guint16 stream = g_array_index(streams->resets, guint16, i);

        if (streams_has(streams, stream)) {
            i++;
            continue;
        }
        if (streams_want(streams, stream))
            return false;
        give_up(streams, i);
        i = 0;
    }
    return streams->resets->len > 0 && streams->state == STREAMS_IDLE;
}

void streams_advance(Streams *streams)
{
    if (streams->state != STREAMS_IDLE || streams->resets->len == 0 || !prepare(streams))
        return;
    switch (streams->ops->reset((const guint16 *) streams->resets->data, streams->resets->len,
                                streams->data)) {
    case STREAMS_DONE:
        g_array_set_size(streams->resets, 0);
        streams_enter_state(streams, STREAMS_RESETTING);
        break;
    case STREAMS_REFUSED: /* the remote knows no resets: it hears of the end of the call alone */
        while (streams->resets->len > 0)
            give_up(streams, streams->resets->len - 1);
        break;
    case STREAMS_LATER:
    default:
        break;
    }
}

void streams_reset(Streams *streams, guint16 stream)
{
    for (guint i = 0; i < streams->resets->len; i++) {
        if (g_array_index(streams->resets, guint16, i) == stream)
            return;
    }
    g_array_append_val(streams->resets, stream);
    streams_advance(streams);
}

/* The remote may have refused, or may not be able to now, for it asks for some itself. */
void streams_added(Streams *streams, StreamsResult result, guint count)
{
    if (result == STREAMS_DONE)
        streams->count = MAX(streams->count, count);
    else if (result == STREAMS_REFUSED)
        streams->max = streams->count;
    if (streams->state == STREAMS_ADDING)
        streams_enter_state(streams, STREAMS_IDLE);
}

void streams_were_reset(Streams *streams)
{
    if (streams->state == STREAMS_RESETTING)
        streams_enter_state(streams, STREAMS_IDLE);
}
