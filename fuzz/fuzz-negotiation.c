/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Offers and answers between two ends, with frames that are lost, late, doubled
 * and damaged, and offers that meet. Keys, roles and the session never change, an
 * error changes nothing, and whatever has happened, the next restart goes through
 * and leaves both with the credentials of each other. (Who changes frames may
 * prevent that, but no more.)
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "rtc/negotiation.h"

#define MAX_FRAMES 32
#define KEY                                                                                        \
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"                                     \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:F"

typedef struct {
    Negotiation negotiation;
    const char *key;
    bool first; /* it makes the first offer */
} NegotiationEnd;

typedef struct {
    NegotiationEnd *to;
    const char *type;
    char *text;
} NegotiationFrame;

static struct {
    NegotiationEnd ends[2];
    GArray *frames; /* of NegotiationFrame */
    guint generation;
    bool damaged;
} table;

static Sdp *make_template(const NegotiationEnd *end)
{
    Sdp *sdp = sdp_new();

    sdp->trickle = true;
    g_ptr_array_add(sdp->fingerprints, g_strdup(end->key));
    return sdp;
}

static void send_frame(NegotiationEnd *from, const char *type, const char *text)
{
    NegotiationFrame frame = {&table.ends[from == &table.ends[0]], type, g_strdup(text)};

    if (table.frames->len < MAX_FRAMES)
        g_array_append_val(table.frames, frame);
    else
        g_free(frame.text);
}

static void offer(NegotiationEnd *end)
{
    g_autofree char *ufrag = g_strdup_printf("gen%05u", ++table.generation);
    const NegotiationIce ice = {ufrag, "0123456789012345678901"};
    Negotiation *negotiation = &end->negotiation;
    g_autofree char *text = NULL;

    if (!negotiation->remote && (!end->first || negotiation->offered))
        return;
    text = negotiation_offer(negotiation, &ice, negotiation->remote ? NULL : make_template(end));
    send_frame(end, "offer", text);
}

static void answer(NegotiationEnd *end, NegotiationStep step, Sdp *remote, const char *text)
{
    g_autofree char *ufrag = g_strdup_printf("gen%05u", ++table.generation);
    const NegotiationIce ice = {ufrag, "0123456789012345678901"};
    const char *reply = negotiation_answer(
        &end->negotiation, remote, text, step == NEGOTIATION_OFFER_OTHER ? NULL : &ice,
        step == NEGOTIATION_OFFER_FIRST ? make_template(end) : NULL);
    g_autoptr(Sdp) parsed = sdp_parse(reply, NULL);

    g_assert_nonnull(parsed);
    g_assert_cmpstr(parsed->answers, ==, end->negotiation.remote->ufrag);
    g_assert_cmpuint(parsed->mline_index, ==, end->negotiation.remote->mline_index);
    g_assert_cmpuint(parsed->media->len, ==, end->negotiation.remote->media->len);
    send_frame(end, "answer", reply);
}

static void follow(NegotiationEnd *end, NegotiationStep step, Sdp *remote, const char *text)
{
    switch (step) {
    case NEGOTIATION_OFFER_FIRST:
    case NEGOTIATION_OFFER_RESTART:
    case NEGOTIATION_OFFER_OTHER:
        answer(end, step, remote, text);
        break;
    case NEGOTIATION_OFFER_REPEATED:
        send_frame(end, "answer", negotiation_kept_answer(&end->negotiation));
        break;
    case NEGOTIATION_ANSWER_FIRST:
    case NEGOTIATION_ANSWER_RESTART:
    case NEGOTIATION_ANSWER_OTHER:
        negotiation_take_answer(&end->negotiation, remote, text);
        break;
    case NEGOTIATION_OFFER_IGNORED:
    case NEGOTIATION_ANSWER_DECLINED:
    case NEGOTIATION_ANSWER_REPEATED:
        g_assert_null(remote);
        break;
    }
}

static void receive(NegotiationEnd *end, const char *type, const char *text)
{
    Negotiation *negotiation = &end->negotiation;
    const Negotiation before = *negotiation;
    g_autofree char *key = before.remote ? g_strdup(before.remote->fingerprints->pdata[0]) : NULL;
    g_autoptr(GError) error = NULL;
    NegotiationStep step;
    Sdp *remote = NULL;

    if (!negotiation_judge(negotiation, type, text, &step, &remote, &error)) {
        g_assert_nonnull(error);
        g_assert_null(remote);
        g_assert_cmpmem(&before, sizeof before, negotiation, sizeof *negotiation);
        return;
    }
    follow(end, step, remote, text);
    if (!before.remote)
        return;
    g_assert_cmpint(negotiation->client, ==, before.client);
    g_assert_cmpint(negotiation->offerer, ==, before.offerer);
    g_assert_cmpuint(negotiation->session_id, ==, before.session_id);
    g_assert_cmpstr(negotiation->remote->fingerprints->pdata[0], ==, key);
}

static void take_frame(guint index, bool keep)
{
    NegotiationFrame frame = g_array_index(table.frames, NegotiationFrame, index);
    g_autofree char *text = g_strdup(frame.text);

    if (!keep) {
        g_free(frame.text);
        g_array_remove_index(table.frames, index);
    }
    receive(frame.to, frame.type, text);
}

static void take_damaged(guint index, FuzzInput *input)
{
    NegotiationFrame frame = g_array_index(table.frames, NegotiationFrame, index);
    g_autofree char *text = g_strdup(frame.text);
    gsize at = fuzz_u16(input) % strlen(text);
    const char byte = (char) fuzz_u8(input);

    table.damaged = true;
    if (byte != '\0')
        text[at] = byte;
    receive(frame.to, frame.type, text);
}

static void take_with_media(guint index)
{
    NegotiationFrame frame = g_array_index(table.frames, NegotiationFrame, index);
    g_autofree char *text =
        g_strconcat(frame.text, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n", NULL);

    if (strcmp(frame.type, "offer") == 0)
        receive(frame.to, frame.type, text);
}

/* The first offer is never given up. */
static void roll_back(NegotiationEnd *end)
{
    if (end->negotiation.remote)
        negotiation_roll_back(&end->negotiation);
}

static void drop_frames(void)
{
    for (guint i = 0; i < table.frames->len; i++)
        g_free(g_array_index(table.frames, NegotiationFrame, i).text);
    g_array_set_size(table.frames, 0);
}

static void operate(FuzzInput *input)
{
    const guint8 what = fuzz_u8(input), which = fuzz_u8(input);
    NegotiationEnd *end = &table.ends[which & 1];
    const guint n = table.frames->len;

    if (what % 8 == 0)
        offer(end);
    else if (what % 8 == 1)
        roll_back(end);
    else if (n == 0)
        return;
    else if (what % 8 < 5)
        take_frame(which % n, what % 8 == 4);
    else if (what % 8 == 5)
        take_damaged(which % n, input);
    else if (what % 8 == 6)
        take_with_media(which % n);
    else
        drop_frames();
}

/* All is lost, and then nothing is. */
static void check_next_restart(NegotiationEnd *from, NegotiationEnd *to, bool both)
{
    drop_frames();
    roll_back(from);
    roll_back(to);
    offer(from);
    if (both)
        offer(to);
    while (table.frames->len > 0)
        take_frame(0, false);
    if (table.damaged || !from->negotiation.remote || !to->negotiation.remote)
        return;
    g_assert_cmpstr(from->negotiation.local->ufrag, ==, to->negotiation.remote->ufrag);
    g_assert_cmpstr(to->negotiation.local->ufrag, ==, from->negotiation.remote->ufrag);
    g_assert_cmpint(from->negotiation.client, !=, to->negotiation.client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput input = {data, data + size};

    fuzz_begin();
    table.frames = g_array_new(FALSE, FALSE, sizeof(NegotiationFrame));
    table.generation = 0;
    table.damaged = false;
    for (guint i = 0; i < 2; i++) {
        table.ends[i] = (NegotiationEnd){.key = i == 0 ? KEY "0" : KEY "1", .first = i == 0};
        negotiation_init(&table.ends[i].negotiation);
    }
    for (guint i = 0; i < 200 && fuzz_more(&input); i++)
        operate(&input);
    check_next_restart(&table.ends[0], &table.ends[1], false);
    check_next_restart(&table.ends[1], &table.ends[0], false);
    check_next_restart(&table.ends[0], &table.ends[1], true);
    check_next_restart(&table.ends[1], &table.ends[0], true);
    drop_frames();
    g_array_unref(table.frames);
    negotiation_clear(&table.ends[0].negotiation);
    negotiation_clear(&table.ends[1].negotiation);
    return 0;
}
