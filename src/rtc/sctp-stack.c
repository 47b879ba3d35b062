/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * usrsctp's process-wide half. Its clock is a GLib timer that runs only while
 * there are associations, and for a little while after the last one, because
 * usrsctp frees what belonged to a closed socket by its own timers.
 */

#include "config.h"

#include "rtc/sctp-stack.h"

#include <string.h>
#include <usrsctp.h>

#include "common/log.h"
#include "rtc/crc32c.h"

#define CHECKSUM_OFFSET 8 /* RFC 9260 3.1 */
#define TICK_MS 10
#define LINGER_TICKS (2000 / TICK_MS)

typedef struct {
    const SctpStackUser *user;
    gpointer data;
    gboolean ready;
} Entry;

static GHashTable *entries; /* id → Entry */
static GArray *ready;       /* of guint32, ids whose upcall has come */
static guint32 last_id;
static guint timer;
static guint idle_ticks;
static gint64 last_tick;

static Entry *find(guint32 id)
{
    return g_hash_table_lookup(entries, GUINT_TO_POINTER(id));
}

static int on_output(void *address, void *packet, size_t length, guint8 tos, guint8 set_df)
{
    Entry *entry = find(GPOINTER_TO_UINT(address));
    guint32 checksum = GUINT32_TO_LE(crc32c(packet, length));

    /* Left at zero by usrsctp; what comes in is not checked either, for DTLS
     * has authenticated it. */
    memcpy((guint8 *) packet + CHECKSUM_OFFSET, &checksum, sizeof checksum);
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
        g_array_append_val(ready, id);
    }
}

static void pump_ready(void)
{
    for (guint i = 0; i < ready->len; i++) {
        Entry *entry = find(g_array_index(ready, guint32, i));

        if (entry) {
            entry->ready = FALSE;
            entry->user->pump(entry->data);
        }
    }
    g_array_set_size(ready, 0);
}

static gboolean on_tick(gpointer data)
{
    gint64 now = g_get_monotonic_time();
    guint elapsed = (now - last_tick) / 1000;

    last_tick += elapsed * (gint64) 1000;
    usrsctp_handle_timers(elapsed);
    pump_ready();
    if (g_hash_table_size(entries) > 0) {
        idle_ticks = 0;
    } else if (++idle_ticks > LINGER_TICKS) {
        timer = 0;
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static void on_debug(const char *format, ...)
{
}

static void init(void)
{
    usrsctp_init_nothreads(0, on_output, on_debug);
    usrsctp_enable_crc32c_offload();
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_pr_enable(1);
    usrsctp_sysctl_set_sctp_blackhole(2);
    usrsctp_sysctl_set_sctp_delayed_sack_time_default(20);
    usrsctp_sysctl_set_sctp_sack_freq_default(2);
    usrsctp_sysctl_set_sctp_default_cc_module(SCTP_CC_HSTCP);
    usrsctp_sysctl_set_sctp_max_chunks_on_queue(65536);
    usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(16);
    usrsctp_sysctl_set_sctp_rto_initial_default(500);
    usrsctp_sysctl_set_sctp_rto_min_default(200);
    usrsctp_sysctl_set_sctp_rto_max_default(10000);
    usrsctp_sysctl_set_sctp_init_rto_max_default(2000);
    entries = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    ready = g_array_new(FALSE, FALSE, sizeof(guint32));
}

guint32 sctp_stack_add(const SctpStackUser *user, gpointer data)
{
    Entry *entry = g_new0(Entry, 1);

    if (!entries)
        init();
    entry->user = user;
    entry->data = data;
    do
        last_id++;
    while (last_id == 0 || find(last_id));
    g_hash_table_insert(entries, GUINT_TO_POINTER(last_id), entry);
    usrsctp_register_address(GUINT_TO_POINTER(last_id));
    if (timer == 0) {
        last_tick = g_get_monotonic_time();
        timer = g_timeout_add(TICK_MS, on_tick, NULL);
    }
    idle_ticks = 0;
    return last_id;
}

void sctp_stack_watch(guint32 id, struct socket *socket)
{
    usrsctp_set_upcall(socket, on_upcall, GUINT_TO_POINTER(id));
}

void sctp_stack_remove(guint32 id)
{
    usrsctp_deregister_address(GUINT_TO_POINTER(id));
    g_hash_table_remove(entries, GUINT_TO_POINTER(id));
}
