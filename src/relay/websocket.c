/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* See websocket.h. What section 5 forbids is an error, with the code of 7.4.1. */

#include <config.h>

#include "relay/websocket.h"

#include <string.h>

#define FINAL 0x80
#define RESERVED 0x70
#define MASKED 0x80
#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* section 1.3 */

static WebsocketEvent fail(WebsocketPart *out, guint16 code, const char *reason)
{
    out->code = code;
    out->reason = reason;
    return WEBSOCKET_ERROR;
}

/* How long the head is, as far as its first bytes tell. */
static guint head_length(const WebsocketReader *reader)
{
    guint size;

    if (reader->head_size < 2)
        return 2;
    size = reader->head[1] & 0x7f;
    return 2 + (size == 126 ? 2 : size == 127 ? 8 : 0) + (reader->head[1] & MASKED ? 4 : 0);
}

static guint64 payload_length(const guchar *head)
{
    guint size = head[1] & 0x7f, bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
    guint64 length = bytes == 0 ? size : 0;

    for (guint i = 0; i < bytes; i++)
        length = length << 8 | head[2 + i];
    return length;
}

/* Sections 5.2 and 5.1; NULL if the head is well-formed. */
static const char *check_head(const guchar *head)
{
    guint64 length = payload_length(head);
    guint size = head[1] & 0x7f;

    if (!(head[1] & MASKED))
        return "frames of a client are masked";
    if (head[0] & RESERVED)
        return "no extension was negotiated";
    if (length >> 63 || (size == 126 && length < 126) || (size == 127 && length < 65536))
        return "the length of a frame is not well-formed";
    return NULL;
}

/* Sections 5.4 and 5.5 */
static const char *check_opcode(const WebsocketReader *reader)
{
    switch (reader->opcode) {
    case WEBSOCKET_CONTINUATION:
        return reader->message ? NULL : "there is nothing to continue";
    case WEBSOCKET_TEXT:
    case WEBSOCKET_BINARY:
        return reader->message ? "a message begins within another" : NULL;
    case WEBSOCKET_CLOSE:
    case WEBSOCKET_PING:
    case WEBSOCKET_PONG:
        return reader->final && reader->left <= WEBSOCKET_CONTROL_MAX
                   ? NULL
                   : "a control frame is short and whole";
    default:
        return "there is no such kind of frame";
    }
}

static const char *begin_frame(WebsocketReader *reader)
{
    const char *problem = check_head(reader->head);

    reader->begun = true;
    reader->opcode = reader->head[0] & 0x0f;
    reader->final = reader->head[0] & FINAL;
    reader->left = payload_length(reader->head);
    if (reader->head[1] & MASKED)
        memcpy(reader->mask, reader->head + reader->head_size - 4, 4);
    reader->control_size = 0;
    if (!problem)
        problem = check_opcode(reader);
    if (reader->opcode == WEBSOCKET_TEXT || reader->opcode == WEBSOCKET_BINARY)
        reader->message = reader->opcode;
    return problem;
}

/* Section 5.3 */
static void unmask(WebsocketReader *reader, char *data, gsize length)
{
    guint8 *mask = reader->mask, turned[4];
    guint32 word;
    guint64 pattern, eight;
    gsize i = 0;

    memcpy(&word, mask, 4);
    pattern = (guint64) word << 32 | word;
    for (; i + 8 <= length; i += 8) {
        memcpy(&eight, data + i, 8);
        eight ^= pattern;
        memcpy(data + i, &eight, 8);
    }
    for (; i < length; i++)
        data[i] = (char) (data[i] ^ mask[i % 4]);
    for (guint k = 0; k < 4; k++)
        turned[k] = mask[(length + k) % 4];
    memcpy(mask, turned, 4);
}

/* Section 7.4 */
static bool is_close_code(guint code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static WebsocketEvent check_close(WebsocketPart *out)
{
    const guchar *data = (const guchar *) out->data;

    out->code = 1000;
    if (out->length == 0)
        return WEBSOCKET_CONTROL;
    if (out->length == 1)
        return fail(out, 1002, "a close code has two bytes");
    out->code = (guint16) (data[0] << 8 | data[1]);
    if (!is_close_code(out->code))
        return fail(out, 1002, "there is no such close code");
    if (!g_utf8_validate(out->data + 2, (gssize) out->length - 2, NULL))
        return fail(out, 1007, "the reason of a close frame is UTF-8");
    return WEBSOCKET_CONTROL;
}

static WebsocketEvent end_control(WebsocketReader *reader, WebsocketPart *out)
{
    reader->begun = false;
    reader->head_size = 0;
    out->opcode = reader->opcode;
    out->data = (char *) reader->control;
    out->length = reader->control_size;
    return reader->opcode == WEBSOCKET_CLOSE ? check_close(out) : WEBSOCKET_CONTROL;
}

static WebsocketEvent end_piece(WebsocketReader *reader, WebsocketPart *out)
{
    out->opcode = reader->message;
    out->left = reader->left;
    out->last = reader->final && reader->left == 0;
    if (reader->left == 0) {
        reader->begun = false;
        reader->head_size = 0;
    }
    if (out->last)
        reader->message = 0;
    return WEBSOCKET_PIECE;
}

static const char *read_head(WebsocketReader *reader, char **data, gsize *length)
{
    while (reader->head_size < head_length(reader) && *length > 0) {
        reader->head[reader->head_size++] = (guchar) * (*data)++;
        (*length)--;
    }
    return reader->head_size == head_length(reader) && reader->head_size >= 2 ? begin_frame(reader)
                                                                              : NULL;
}

WebsocketEvent websocket_read(WebsocketReader *reader, char **data, gsize *length,
                              WebsocketPart *out)
{
    bool fresh = !reader->begun;
    const char *problem = fresh ? read_head(reader, data, length) : NULL;
    gsize n;

    *out = (WebsocketPart){};
    if (problem)
        return fail(out, 1002, problem);
    if (!reader->begun)
        return WEBSOCKET_MORE;
    n = (gsize) MIN(reader->left, *length);
    /* The head alone is worth a piece: it tells how much is to come. */
    if (n == 0 && reader->left > 0 && !fresh)
        return WEBSOCKET_MORE;
    unmask(reader, *data, n);
    out->data = *data;
    out->length = n;
    *data += n;
    *length -= n;
    reader->left -= n;
    if (!(reader->opcode & 8))
        return end_piece(reader, out);
    if (n > 0)
        memcpy(reader->control + reader->control_size, out->data, n);
    reader->control_size = (guint8) (reader->control_size + n);
    return reader->left == 0 ? end_control(reader, out) : WEBSOCKET_MORE;
}

char *websocket_accept(const char *key)
{
    g_autoptr(GChecksum) sha1 = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize length = sizeof digest;

    g_checksum_update(sha1, (const guchar *) key, -1);
    g_checksum_update(sha1, (const guchar *) GUID, -1);
    g_checksum_get_digest(sha1, digest, &length);
    return g_base64_encode(digest, length);
}
