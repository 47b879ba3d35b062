/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * usrsctp's process-wide half. Its clock is a GLib timer that runs only while
 * an association has something to wait for (an acknowledgement, a set-up, its
 * own delayed SACK), and for a little while after the end of one, because
 * usrsctp frees what belonged to a closed socket by its own timers. Otherwise
 * the clock stands still, and is put right before usrsctp is used again: an
 * idle call wakes nobody.
 */

#include <config.h>

#include "rtc/sctp/sctp-stack.h"

#include <errno.h>
#include <string.h>
#include <usrsctp.h>

#include "common/clock.h"
#include "common/log.h"
#include "rtc/sctp/crc32c.h"
#include "rtc/sctp/sack-batch.h"

#define DESTINATION_PORT 2 /* RFC 9260 3.1 */
#define FIRST_PORT 1024
#define TICK_MS 10
/* The clock's first step, and each one in which nobody has used anything: as long as a delayed SACK
 * waits. So a lone message wakes its receiver twice. */
#define SLOW_TICK_MS 20
/* usrsctp looks at the timers of all associations at each step: so many cost a millisecond more. */
#define ASSOCIATIONS_A_MS 50
#define LINGER_USEC (2 * G_USEC_PER_SEC)
/* The congestion window at first, in packets, and how many may follow on one SACK */
#define INITIAL_PACKETS 5
#define BURST_PACKETS 5
#define NEAR_BURST_PACKETS (BURST_PACKETS * SACK_BATCH_MAX)
#ifndef SCTP_PLUGGABLE_CC
#define SCTP_PLUGGABLE_CC 0x1202 /* in usrsctp's netinet/sctp.h, which is not installed */
#endif
#define STEP_MS (3600 * 1000) /* usrsctp compares times modulo 2^32 ms */

typedef struct {
    guint16 port; /* ours, on the wire; network byte order */
    const SctpStackUser *user;
    gpointer data;
    gboolean ready;
    gboolean active; /* its id is in `active` */
    gboolean used;   /* since the last tick */
} Entry;

static struct {
    GHashTable *entries; /* id → Entry */
    GArray *ready;       /* of guint32, ids whose upcall has come */
    GArray *active;      /* of guint32, ids that may wait for something */
    guint32 last_id;
    guint timer;
    gint64 last_tick; /* usrsctp's clock */
    gint64 linger_until;
} stack;

static Entry *find(guint32 id)
{
    return g_hash_table_lookup(stack.entries, GUINT_TO_POINTER(id));
}

static int on_output(void *address, void *packet, size_t length, guint8 tos, guint8 set_df)
{
    Entry *entry = find(GPOINTER_TO_UINT(address));

    if (entry)
        memcpy(packet, &entry->port, sizeof entry->port);
    /* What comes in is not checked, for DTLS has authenticated it. */
    crc32c_seal(packet, length);
    if (entry)
        entry->user->output(packet, length, entry->data);
    return 0;
}

static void on_upcall(struct socket *socket, void *data, int flags)
{
    guint32 id = GPOINTER_TO_UINT(data);
    Entry *entry = find(id);

    if (entry && !entry->ready) {
        entry->ready = TRUE;
        g_array_append_val(stack.ready, id);
    }
}

static void pump_ready(void)
{
    for (guint i = 0; i < stack.ready->len; i++) {
        Entry *entry = find(g_array_index(stack.ready, guint32, i));

        if (entry) {
            entry->ready = FALSE;
            entry->user->pump(entry->data);
        }
    }
    g_array_set_size(stack.ready, 0);
}

/* ---- the clock ---- */

static void advance(gint64 now)
{
    gint64 elapsed = (now - stack.last_tick) / 1000;

    stack.last_tick += elapsed * 1000;
    for (; elapsed > STEP_MS; elapsed -= STEP_MS)
        usrsctp_handle_timers(STEP_MS);
    usrsctp_handle_timers(elapsed);
}

/* Whether anybody was used since the last tick. Who was not is asked whether it still waits. */
static bool review(void)
{
    bool used = false;

    for (guint i = stack.active->len; i-- > 0;) {
        Entry *entry = find(g_array_index(stack.active, guint32, i));

        if (entry && (entry->used || entry->user->waits(entry->data))) {
            used = used || entry->used;
            entry->used = FALSE;
        } else {
            if (entry)
                entry->active = FALSE;
            g_array_remove_index_fast(stack.active, i);
        }
    }
    return used;
}

static gboolean on_tick(gpointer data);

static void set_timer(guint milliseconds)
{
    milliseconds += g_hash_table_size(stack.entries) / ASSOCIATIONS_A_MS;
    stack.timer = clock_timer_add(milliseconds, on_tick, NULL);
}

static gboolean on_tick(gpointer data)
{
    gint64 now = clock_monotonic();
    bool used;

    stack.timer = 0;
    advance(now);
    pump_ready();
    used = review();
    if (stack.timer == 0 && (stack.active->len > 0 || now < stack.linger_until))
        set_timer(used ? TICK_MS : SLOW_TICK_MS);
    return G_SOURCE_REMOVE;
}

static void start_clock(void)
{
    if (stack.timer != 0)
        return;
    set_timer(SLOW_TICK_MS);
    advance(clock_monotonic());
}

void sctp_stack_use(guint32 id)
{
    Entry *entry = find(id);

    entry->used = TRUE;
    if (entry->active)
        return;
    entry->active = TRUE;
    g_array_append_val(stack.active, id);
    start_clock();
}

static void on_debug(const char *format, ...)
{
}

/*
 * Found by simulating paths of 2 to 150 ms, with and without loss, and compared
 * with TCP (tests/bench/tables/path.py). A lost packet is sent again whether or
 * not the congestion window has room for it; only the burst limit holds that
 * back, and with more than one for each SACK a full queue stays full. The window
 * is not cut back to what is in flight, for after a recovery that is next to
 * nothing. A burst of 5 lets the flight double in a round trip; more of it
 * throws thousands of packets into the queue that ends the slow start.
 */
static void init_congestion_control(void)
{
    usrsctp_sysctl_set_sctp_default_cc_module(SCTP_CC_HSTCP);
    usrsctp_sysctl_set_sctp_max_chunks_on_queue(64000); /* it tells us 16 bits of how many */
    usrsctp_sysctl_set_sctp_initial_cwnd(INITIAL_PACKETS);
    usrsctp_sysctl_set_sctp_max_burst_default(BURST_PACKETS);
    usrsctp_sysctl_set_sctp_fr_max_burst_default(1);
    usrsctp_sysctl_set_sctp_use_cwnd_based_maxburst(0);
}

static void set_value(struct socket *socket, int option, guint32 value)
{
    const struct sctp_assoc_value request = {.assoc_value = value};

    if (usrsctp_setsockopt(socket, IPPROTO_SCTP, option, &request, sizeof request) < 0)
        log_debug("SCTP: option %d: %s", option, g_strerror(errno));
}

void sctp_stack_set_near(struct socket *socket, bool near)
{
    set_value(socket, SCTP_MAX_BURST, near ? NEAR_BURST_PACKETS : BURST_PACKETS);
}

/* An association that gets a congestion control, be it the one that it has, begins with an initial
 * window, which is no more than a burst. */
void sctp_stack_set_window(struct socket *socket, gsize window, gsize packet)
{
    usrsctp_sysctl_set_sctp_initial_cwnd(window / packet + 1);
    set_value(socket, SCTP_MAX_BURST, 0);
    set_value(socket, SCTP_PLUGGABLE_CC, SCTP_CC_HSTCP);
    set_value(socket, SCTP_MAX_BURST, BURST_PACKETS);
    usrsctp_sysctl_set_sctp_initial_cwnd(INITIAL_PACKETS);
}

static void init(void)
{
    /* Each socket has a table for the associations that share it, of 2 KiB; ours have one. */
    usrsctp_tunable_set_sctp_pcbtblsize(1);
    usrsctp_init_nothreads(0, on_output, on_debug);
    usrsctp_enable_crc32c_offload();
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_pr_enable(1);
    usrsctp_sysctl_set_sctp_blackhole(2);
    usrsctp_sysctl_set_sctp_delayed_sack_time_default(20);
    usrsctp_sysctl_set_sctp_sack_freq_default(2);
    init_congestion_control();
    usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(16);
    usrsctp_sysctl_set_sctp_rto_initial_default(SCTP_STACK_INITIAL_RTO_MS);
    usrsctp_sysctl_set_sctp_rto_min_default(SCTP_STACK_RTO_MIN_MS);
    usrsctp_sysctl_set_sctp_rto_max_default(10000);
    usrsctp_sysctl_set_sctp_init_rto_max_default(2000);
    /* There is one path. Were it given up before the association, usrsctp would send nothing more
     * on it, and nobody would ask whether it is back: HEARTBEATs are ours (sctp-path.c). */
    usrsctp_sysctl_set_sctp_path_rtx_max_default(255);
    /* How long it may be vain is for liveness.c to say, and for whoever keeps the call. */
    usrsctp_sysctl_set_sctp_assoc_rtx_max_default(1000);
    stack.entries = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    stack.ready = g_array_new(FALSE, FALSE, sizeof(guint32));
    stack.active = g_array_new(FALSE, FALSE, sizeof(guint32));
    stack.last_tick = clock_monotonic();
}

guint16 sctp_stack_port(guint32 id)
{
    return (guint16) (FIRST_PORT + id % (G_MAXUINT16 - FIRST_PORT + 1));
}

void sctp_stack_input(guint32 id, guint8 *packet, gsize length)
{
    guint16 port = g_htons(sctp_stack_port(id));

    memcpy(packet + DESTINATION_PORT, &port, sizeof port);
    usrsctp_conninput(GUINT_TO_POINTER(id), packet, length, 0);
}

guint32 sctp_stack_add(guint16 port, const SctpStackUser *user, gpointer data)
{
    Entry *entry = g_new0(Entry, 1);

    if (!stack.entries)
        init();
    entry->port = g_htons(port);
    entry->user = user;
    entry->data = data;
    do
        stack.last_id++;
    while (stack.last_id == 0 || find(stack.last_id));
    g_hash_table_insert(stack.entries, GUINT_TO_POINTER(stack.last_id), entry);
    usrsctp_register_address(GUINT_TO_POINTER(stack.last_id));
    sctp_stack_use(stack.last_id);
    return stack.last_id;
}

void sctp_stack_watch(guint32 id, struct socket *socket)
{
    usrsctp_set_upcall(socket, on_upcall, GUINT_TO_POINTER(id));
}

bool sctp_stack_allow_requests(struct socket *socket, bool allowed)
{
    const struct sctp_assoc_value value = {
        .assoc_id = SCTP_ALL_ASSOC,
        .assoc_value = allowed ? SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ : 0};

    return usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &value,
                              sizeof value) == 0;
}

void sctp_stack_remove(guint32 id)
{
    usrsctp_deregister_address(GUINT_TO_POINTER(id));
    g_hash_table_remove(stack.entries, GUINT_TO_POINTER(id));
    stack.linger_until = clock_monotonic() + LINGER_USEC;
    start_clock();
}
