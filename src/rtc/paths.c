/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libnice can restart an agent, but then the old pair is gone before there is a
 * new one, and so are sockets whose address is. So each generation is an agent of
 * its own. There are three at most: the one that carries what we send, the one
 * before it, and the newest. What is given up is freed from the main loop, since
 * its own code may be waiting under the callback.
 *
 * Whoever has the credentials of a generation makes a pair with us, and these come
 * over a relay. So a pair is only a way to somebody. A generation is proven, and
 * may carry what we send, once a packet has come over it that the key of the
 * remote has made. Until then each side asks the other one for such a packet
 * there, while the active one carries all else.
 */

#include <config.h>

#include "rtc/paths.h"

#include <string.h>

#include "common/candidate.h"
#include "common/clock.h"
#include "common/log.h"
#include "rtc/candidate-queue.h"
#include "rtc/error.h"
#include "rtc/generation.h"

enum {
    MAX_GENERATIONS = 3,
    MAX_LEFTOVERS = 4, /* being closed: a remote may restart at any rate */
    SEARCH_SECONDS = 60,
    FOLLOW_SECONDS =
        5, /* the remote has followed us for good if it is heard where we are after that */
    LEAVE_SECONDS = 30, /* the same if there is nothing to hear */
    RELAYED_MAX_SECONDS = 960,
    WATCH_MS = 500,
    ASK_TICKS = PATHS_SILENT_MS / 2 / WATCH_MS,
    SILENT_TICKS = PATHS_SILENT_MS / WATCH_MS,
    LEAD_TICKS = 8,  /* until the controlling side goes where the remote is heard */
    REPEAT_MS = 150, /* of checks, in a silence */
    LONG_TICKS = 120 * 1000 / WATCH_MS,
    LONG_REPEAT_MS = 500,
    PROBE_MS = 50, /* the first wait; each one is twice as long, up to the last one */
    PROBE_MAX_MS = 1000,
};

/* The same of the controlled side, which is the first to go: they do not change places. */
#define GO_USEC (1500 * 1000)

struct Paths {
    Transport transport;
    const PathsUser *user;
    gpointer data;
    IceConfig config;
    char **servers, **interfaces;
    GPtrArray *generations; /* of IceGeneration, the newest last */
    IceGeneration *active;  /* NULL: none has found a pair */
    IceGeneration *carrier; /* of the next packet: the active one, but for a probe */
    bool spread;            /* by all that have a pair: nobody knows which is good */
    GPtrArray *dead;        /* of IceGeneration */
    guint reaper, keeper;   /* sources */
    CandidateQueue early;
    IceLeftovers *leftovers;
    bool lost, silent;
    bool waiting; /* a failure of the first generation is not final */

    guint prober; /* timer */
    guint probe_ms;

    guint relayed;         /* timer */
    guint relayed_seconds; /* the next one */

    guint watch;
    bool sent;     /* since its last tick */
    bool asked;    /* since something was heard */
    guint misses;  /* ticks in which something was owed and nothing heard */
    guint unheard; /* the same of the active one alone */
};

Transport *paths_transport(Paths *paths)
{
    return &paths->transport;
}

static IceGeneration *newest(const Paths *paths)
{
    return paths->generations->len > 0 ? paths->generations->pdata[paths->generations->len - 1]
                                       : NULL;
}

/* After paths_begin() there is one. */
static IceGeneration *the_newest(const Paths *paths)
{
    IceGeneration *generation = newest(paths);

    g_assert(generation);
    return generation;
}

/* It looks for its pair, or for a proof that the remote is at the other end. */
static bool is_searching(const Paths *paths, const IceGeneration *generation)
{
    return generation != paths->active && !(generation->proven && generation_has_pair(generation));
}

static void tell(Paths *paths, PathsEvent event)
{
    paths->user->event(event, paths->data);
}

/* ---- the end of a generation ---------------------------------------------- */

static gboolean on_reap(gpointer data)
{
    Paths *paths = data;

    paths->reaper = 0;
    g_ptr_array_set_size(paths->dead, 0);
    return G_SOURCE_REMOVE;
}

static void drop(Paths *paths, IceGeneration *generation)
{
    guint index;

    if (!g_ptr_array_find(paths->generations, generation, &index))
        return;
    g_ptr_array_steal_index(paths->generations, index);
    generation->dead = true;
    if (paths->active == generation)
        paths->active = paths->carrier = NULL;
    g_ptr_array_add(paths->dead, generation);
    if (paths->reaper == 0)
        paths->reaper = g_idle_add_full(G_PRIORITY_DEFAULT, on_reap, paths, NULL);
}

static void generation_failed(Paths *paths, IceGeneration *generation, const GError *reason)
{
    if (!paths->active && !paths->waiting) {
        transport_enter_state(&paths->transport, TRANSPORT_FAILED, reason);
        return;
    }
    if (paths->active)
        drop(paths, generation);
    tell(paths, PATHS_FAILED);
}

/* ---- which one carries what we send ---------------------------------------- */

static void look_for_relay(Paths *paths);

static void set_spread(Paths *paths)
{
    paths->spread = paths->active && (!paths->active->proven || paths->misses >= ASK_TICKS);
}

static void activate(Paths *paths, IceGeneration *generation)
{
    bool first = paths->active == NULL;

    paths->active = paths->carrier = generation;
    generation->begun = clock_monotonic();
    generation->heard = false;
    paths->misses = paths->unheard = 0;
    paths->lost = paths->silent = false;
    set_spread(paths);
    look_for_relay(paths);
    if (first) {
        paths->transport.round_trip_usec = ice_transport(generation->ice)->round_trip_usec;
        transport_enter_state(&paths->transport, TRANSPORT_CONNECTED, NULL);
        return;
    }
    log_debug("ICE: packets go by another generation (%s)", ice_ufrag(generation->ice));
    transport_path(&paths->transport, generation->sizes, generation->n_sizes);
    paths->user->ask(paths->data); /* so the remote hears us there */
    tell(paths, PATHS_MOVED);
}

/* Another one that has been good, if the active one is not answered any more. */
static bool move_away(Paths *paths)
{
    for (guint i = paths->generations->len; i-- > 0;) {
        IceGeneration *generation = paths->generations->pdata[i];

        if (generation != paths->active && generation_can_carry(generation)) {
            activate(paths, generation);
            return true;
        }
    }
    return false;
}

/* Those that are no longer needed. The newest one may still be proven. */
static void retire(Paths *paths)
{
    const IceGeneration *active = paths->active;
    gint64 now = clock_monotonic();

    if (!active || paths->unheard > 0 ||
        (active->last_heard - active->begun < FOLLOW_SECONDS * G_USEC_PER_SEC &&
         now - active->begun < LEAVE_SECONDS * G_USEC_PER_SEC))
        return;
    for (guint i = paths->generations->len; i-- > 0;) {
        IceGeneration *generation = paths->generations->pdata[i];

        if (generation != active && !is_searching(paths, generation))
            drop(paths, generation);
    }
}

/* While there is more than one */
static gboolean on_keeper(gpointer data)
{
    Paths *paths = data;
    IceGeneration *last = the_newest(paths);

    if (is_searching(paths, last) &&
        clock_monotonic() - last->begun >
            (last->remote_ufrag ? SEARCH_SECONDS : PATHS_ANSWER_SECONDS) * G_USEC_PER_SEC) {
        log_debug("ICE: a restart has come to nothing");
        generation_failed(paths, last, NULL);
    }
    retire(paths);
    if (paths->generations->len > 1)
        return G_SOURCE_CONTINUE;
    paths->keeper = 0;
    return G_SOURCE_REMOVE;
}

/* ---- whether there may be a better one -------------------------------------- */

static gboolean on_relayed(gpointer data)
{
    Paths *paths = data;

    paths->relayed = 0;
    paths->relayed_seconds = MIN(paths->relayed_seconds * 2, (guint) RELAYED_MAX_SECONDS);
    look_for_relay(paths);
    if (paths->relayed != 0)
        tell(paths, PATHS_RELAYED);
    return G_SOURCE_REMOVE;
}

/* A restart that finds a relayed pair once more does not begin the waiting anew. */
static void look_for_relay(Paths *paths)
{
    if (!paths_is_relayed(paths)) {
        g_clear_handle_id(&paths->relayed, g_source_remove);
        paths->relayed_seconds = PATHS_RELAYED_SECONDS;
    } else if (paths->relayed == 0) {
        paths->relayed = clock_timer_add_seconds(paths->relayed_seconds, on_relayed, paths);
    }
}

/* ---- whether it is answered ------------------------------------------------ */

/* What is said last is what the owner goes by: nobody knows whether the other one is better. */
static void note_silence(Paths *paths)
{
    move_away(paths);
    paths->silent = true;
    tell(paths, PATHS_SILENT);
}

/* The one on which the remote was heard since the last tick, and not on the active one; or NULL.
 * The tick is over. */
static IceGeneration *take_heard(Paths *paths, gint64 now, bool *heard)
{
    IceGeneration *elsewhere = NULL;
    bool here = false;

    *heard = false;
    for (guint i = 0; i < paths->generations->len; i++) {
        IceGeneration *generation = paths->generations->pdata[i];

        if (!generation->heard)
            continue;
        *heard = true;
        generation->heard = false;
        generation->last_heard = now;
        if (generation == paths->active)
            here = true;
        else if (generation_can_carry(generation))
            elsewhere = generation;
    }
    return here ? NULL : elsewhere;
}

/*
 * Whether to go where the remote is heard. The one side follows it; the other one goes only when
 * what it sends by its own way is not answered, and later. So they meet.
 */
static bool is_left(const Paths *paths, gint64 now)
{
    const IceGeneration *active = paths->active;

    if (ice_is_controlling(active->ice))
        return paths->unheard >= LEAD_TICKS;
    return now - MAX(active->begun, active->last_heard) >= GO_USEC;
}

/*
 * It costs a few flags a packet, and nothing while there are none. A remote may leave what we send
 * unanswered for good reasons, such as a reader that waits; but not a question.
 */
static gboolean on_watch(gpointer data)
{
    Paths *paths = data;
    gint64 now = clock_monotonic();
    bool owed = paths->asked || paths->user->is_owed(paths->data), heard;
    IceGeneration *elsewhere = take_heard(paths, now, &heard);
    bool idle = !paths->sent && !heard && paths->misses == 0;

    paths->misses = heard || !owed ? 0 : paths->misses + 1;
    paths->unheard = (heard && !elsewhere) || !owed ? 0 : paths->unheard + 1;
    paths->sent = false;
    set_spread(paths);
    if (elsewhere && paths->active && is_left(paths, now))
        activate(paths, elsewhere);
    if (paths->misses == ASK_TICKS)
        paths_ask(paths);
    if (paths->misses == SILENT_TICKS && !paths->silent)
        note_silence(paths);
    if (!idle || paths->misses > 0)
        return G_SOURCE_CONTINUE;
    paths->watch = 0;
    return G_SOURCE_REMOVE;
}

void paths_ask(Paths *paths)
{
    paths->asked = paths->user->ask(paths->data) || paths->asked;
}

/* ---- whether the remote is at the other end --------------------------------- */

/* Also one that was proven but is not used, because the remote has perhaps not heard us there. */
static bool may_probe(const Paths *paths, const IceGeneration *generation)
{
    return generation && paths->active && generation != paths->active &&
           generation_has_pair(generation) && !generation->no_consent;
}

static gboolean on_probe(gpointer data)
{
    Paths *paths = data;
    IceGeneration *last = newest(paths);

    paths->prober = 0;
    if (!may_probe(paths, last))
        return G_SOURCE_REMOVE;
    paths->carrier = last;
    paths->user->ask(paths->data);
    paths->carrier = paths->active;
    paths->prober = clock_timer_add(paths->probe_ms, on_probe, paths);
    paths->probe_ms = MIN(2 * paths->probe_ms, (guint) PROBE_MAX_MS);
    return G_SOURCE_REMOVE;
}

static void begin_probing(Paths *paths)
{
    g_clear_handle_id(&paths->prober, g_source_remove);
    paths->probe_ms = PROBE_MS;
    on_probe(paths);
}

static void note_heard(Paths *paths)
{
    paths->silent = paths->lost = false;
    tell(paths, PATHS_HEARD);
}

/* For the first time, or after a silence */
static void note_sign(Paths *paths, IceGeneration *generation)
{
    const bool first = !generation->proven;

    if (generation->dead)
        return;
    generation->proven = true;
    set_spread(paths);
    if (generation != paths->active && generation_can_carry(generation) &&
        (paths->silent || !paths->active || !paths->active->proven ||
         (first && generation == newest(paths))))
        activate(paths, generation);
    else if (paths->silent || paths->lost)
        note_heard(paths);
}

/* ---- from the agents ------------------------------------------------------- */

static void on_receive(guint8 *packet, gsize length, gpointer data)
{
    IceGeneration *generation = data;
    Paths *paths = generation->paths;
    guint64 before = paths->transport.vouched;

    transport_receive(&paths->transport, packet, length);
    if (paths->transport.vouched == before)
        return;
    paths->asked = false;
    if (!generation->proven || paths->silent || paths->lost)
        note_sign(paths, generation);
    generation->heard = true;
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    IceGeneration *generation = data;
    Paths *paths = generation->paths;

    if (generation->dead)
        return;
    if (state == TRANSPORT_CONNECTED && (!paths->active || generation->proven))
        activate(paths, generation);
    else if (state == TRANSPORT_CONNECTED)
        begin_probing(paths);
    else if (state == TRANSPORT_FAILED)
        generation_failed(paths, generation, reason);
    else if (!paths->active)
        transport_enter_state(&paths->transport, state, reason);
}

static void on_path(const gsize *sizes, guint n_sizes, gpointer data)
{
    IceGeneration *generation = data;

    generation->n_sizes = MIN(n_sizes, TRANSPORT_SIZES_MAX);
    memcpy(generation->sizes, sizes, generation->n_sizes * sizeof *sizes);
    if (generation->paths->active == generation)
        transport_path(&generation->paths->transport, sizes, n_sizes);
}

static const TransportUser agent_user = {
    .receive = on_receive,
    .state = on_state,
    .path = on_path,
};

static void on_local_candidate(const char *candidate, gpointer data)
{
    IceGeneration *generation = data;

    if (generation->dead)
        return;
    g_ptr_array_add(generation->candidates, g_strdup(candidate ? candidate : ""));
    generation->paths->user->candidate(candidate, ice_ufrag(generation->ice),
                                       generation->paths->data);
}

static void on_overflow(gsize room, gpointer data)
{
    Paths *paths = ((IceGeneration *) data)->paths;

    paths->user->overflow(room, paths->data);
}

static void on_consent(bool given, gpointer data)
{
    IceGeneration *generation = data;
    Paths *paths = generation->paths;

    generation->no_consent = !given;
    if (generation->dead)
        return;
    if (generation != paths->active) {
        begin_probing(paths);
    } else if (given) {
        paths->user->ask(paths->data); /* only the answer is a sign of the remote */
    } else if (!move_away(paths)) {
        paths->lost = true;
        tell(paths, PATHS_LOST);
    }
}

static void on_selected(gpointer data)
{
    IceGeneration *generation = data;

    if (generation->dead || generation != generation->paths->active)
        return;
    look_for_relay(generation->paths);
    tell(generation->paths, PATHS_MOVED);
}

/* ---- generations ----------------------------------------------------------- */

/* In a silence a path may be back at any time, also when it has ended a call and the next one looks
 * for its first path. A long one is to cost little. */
static guint repeat_ms(const Paths *paths)
{
    if (!paths->active || paths->misses >= LONG_TICKS)
        return LONG_REPEAT_MS;
    return paths->misses >= SILENT_TICKS ? REPEAT_MS : 0;
}

static IceGeneration *generation_new(Paths *paths, bool controlling, bool leisurely, GError **error)
{
    IceGeneration *generation = g_new0(IceGeneration, 1);
    IceConfig config = paths->config;

    config.controlling = controlling;
    config.leisurely = leisurely;
    config.repeat_ms = repeat_ms(paths);
    config.servers = (const char *const *) paths->servers;
    config.interfaces = (const char *const *) paths->interfaces;
    config.candidate = on_local_candidate;
    config.overflow = on_overflow;
    config.consent = on_consent;
    config.selected = on_selected;
    config.leftovers = paths->leftovers;
    config.data = generation;
    generation->paths = paths;
    generation->begun = clock_monotonic();
    generation->candidates = g_ptr_array_new_with_free_func(g_free);
    generation->ice = ice_new(&config, error);
    if (!generation->ice || !ice_gather(generation->ice, error)) {
        generation_free(generation);
        return NULL;
    }
    transport_set_user(ice_transport(generation->ice), &agent_user, generation);
    return generation;
}

/* Those that are not proven, and of those that are all but two; never the active one. */
static void make_room(Paths *paths)
{
    for (guint i = paths->generations->len; i-- > 0;) {
        if (is_searching(paths, paths->generations->pdata[i]))
            drop(paths, paths->generations->pdata[i]);
    }
    while (paths->generations->len >= MAX_GENERATIONS)
        drop(paths, paths->generations->pdata[paths->generations->pdata[0] == paths->active]);
}

bool paths_begin(Paths *paths, bool controlling, bool leisurely, GError **error)
{
    IceGeneration *generation;

    if (ice_leftovers_count(paths->leftovers) + paths->dead->len >= MAX_LEFTOVERS) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FULL,
                            "earlier ICE restarts are still being cleared away");
        return false;
    }
    generation = generation_new(paths, controlling, leisurely, error);
    if (!generation)
        return false;
    make_room(paths);
    g_ptr_array_add(paths->generations, generation);
    if (paths->generations->len > 1 && paths->keeper == 0)
        paths->keeper = clock_timer_add_seconds(1, on_keeper, paths);
    return true;
}

const char *paths_ufrag(const Paths *paths)
{
    return ice_ufrag(the_newest(paths)->ice);
}

const char *paths_password(const Paths *paths)
{
    return ice_password(the_newest(paths)->ice);
}

void paths_cancel(Paths *paths)
{
    IceGeneration *last = newest(paths);

    if (last && is_searching(paths, last))
        drop(paths, last);
}

gint64 paths_searching(const Paths *paths)
{
    const IceGeneration *last = newest(paths);

    return last && is_searching(paths, last) ? clock_monotonic() - last->begun : -1;
}

void paths_set_servers(Paths *paths, const char *const *servers)
{
    g_strfreev(paths->servers);
    paths->servers = g_strdupv((char **) servers);
}

void paths_set_relay_only(Paths *paths, bool relay_only)
{
    paths->config.relay_only = relay_only;
}

void paths_set_waiting(Paths *paths, bool waiting)
{
    paths->waiting = waiting;
}

/* ---- candidates ------------------------------------------------------------ */

bool paths_set_remote(Paths *paths, const Sdp *remote, GError **error)
{
    IceGeneration *generation = the_newest(paths);

    if (generation->remote_ufrag) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_STATE,
                            "the addresses of this description are given up already");
        return false;
    }
    if (!ice_set_remote_credentials(generation->ice, remote->ufrag, remote->password, error))
        return false;
    generation->remote_ufrag = g_strdup(remote->ufrag);
    if (paths->active)
        generation->begun = clock_monotonic();
    generation_give_queued(generation, &paths->early);
    generation_give_description(generation, remote);
    return true;
}

static IceGeneration *find_remote(const Paths *paths, const char *ufrag)
{
    IceGeneration *last = newest(paths);

    if (!ufrag)
        return last && last->remote_ufrag ? last : NULL;
    for (guint i = 0; i < paths->generations->len; i++) {
        IceGeneration *generation = paths->generations->pdata[i];

        if (g_strcmp0(generation->remote_ufrag, ufrag) == 0)
            return generation;
    }
    return NULL;
}

void paths_add_known(Paths *paths, const Sdp *remote)
{
    IceGeneration *generation = find_remote(paths, remote->ufrag);

    if (generation && !generation_has_pair(generation))
        generation_give_description(generation, remote);
}

bool paths_add_candidate(Paths *paths, const char *line, const char *ufrag, GError **error)
{
    g_autofree char *named = ufrag && *ufrag ? g_strdup(ufrag) : candidate_ufrag(line);
    IceGeneration *generation = find_remote(paths, named);

    if (generation)
        return generation_give(generation, line, error);
    candidate_queue_keep(&paths->early, line, named);
    return true;
}

void paths_repeat_candidates(Paths *paths, const char *ufrag)
{
    for (guint i = 0; i < paths->generations->len; i++) {
        const IceGeneration *generation = paths->generations->pdata[i];

        if (strcmp(ice_ufrag(generation->ice), ufrag) != 0 || generation_has_pair(generation))
            continue;
        for (guint j = 0; j < generation->candidates->len; j++) {
            const char *line = generation->candidates->pdata[j];

            paths->user->candidate(*line ? line : NULL, ufrag, paths->data);
        }
    }
}

/* ---- the object ------------------------------------------------------------ */

bool paths_is_controlling(const Paths *paths)
{
    return ice_is_controlling(paths->active ? paths->active->ice : the_newest(paths)->ice);
}

const char *paths_remote_ufrag(const Paths *paths)
{
    return paths->active ? paths->active->remote_ufrag : NULL;
}

bool paths_is_local(const Paths *paths)
{
    return paths->active && ice_is_local(paths->active->ice);
}

bool paths_is_relayed(const Paths *paths)
{
    return paths->active && ice_is_relayed(paths->active->ice);
}

bool paths_selected_pair(const Paths *paths, char **local, char **remote, CheckCount *checks)
{
    return paths->active && ice_selected_pair(paths->active->ice, local, remote, checks);
}

static bool send_by_all(Paths *paths, const guint8 *packet, gsize length)
{
    bool sent = false;

    for (guint i = 0; i < paths->generations->len; i++) {
        IceGeneration *generation = paths->generations->pdata[i];

        sent = (generation_has_pair(generation) &&
                transport_send(ice_transport(generation->ice), packet, length)) ||
               sent;
    }
    return sent;
}

static bool paths_send(Transport *transport, const guint8 *packet, gsize length)
{
    Paths *paths = (Paths *) transport;
    IceGeneration *first = newest(paths);

    if (!paths->carrier)
        return first && transport->state < TRANSPORT_CONNECTED &&
               transport_send(ice_transport(first->ice), packet, length);
    paths->sent = true;
    if (paths->watch == 0)
        paths->watch = clock_timer_add(WATCH_MS, on_watch, paths);
    if (paths->spread)
        return send_by_all(paths, packet, length);
    return transport_send(ice_transport(paths->carrier->ice), packet, length);
}

Paths *paths_new(const IceConfig *config, const PathsUser *user, gpointer data)
{
    Paths *paths = g_new0(Paths, 1);

    transport_init(&paths->transport, "paths", paths_send);
    paths->user = user;
    paths->data = data;
    paths->relayed_seconds = PATHS_RELAYED_SECONDS;
    paths->config = *config;
    paths->config.trust = config->trust ? tls_trust_ref(config->trust) : tls_trust_new(NULL);
    paths->config.budget = config->budget ? check_budget_ref(config->budget) : check_budget_new();
    paths->servers = g_strdupv((char **) config->servers);
    paths->interfaces = g_strdupv((char **) config->interfaces);
    paths->generations = g_ptr_array_new_with_free_func((GDestroyNotify) generation_free);
    paths->dead = g_ptr_array_new_with_free_func((GDestroyNotify) generation_free);
    paths->leftovers = ice_leftovers_new();
    candidate_queue_init(&paths->early);
    return paths;
}

void paths_free(Paths *paths)
{
    g_clear_handle_id(&paths->reaper, g_source_remove);
    g_clear_handle_id(&paths->keeper, g_source_remove);
    g_clear_handle_id(&paths->watch, g_source_remove);
    g_clear_handle_id(&paths->prober, g_source_remove);
    g_clear_handle_id(&paths->relayed, g_source_remove);
    g_ptr_array_unref(paths->generations);
    g_ptr_array_unref(paths->dead);
    ice_leftovers_unref(paths->leftovers);
    candidate_queue_clear(&paths->early);
    tls_trust_unref(paths->config.trust);
    check_budget_unref(paths->config.budget);
    g_strfreev(paths->servers);
    g_strfreev(paths->interfaces);
    transport_clear(&paths->transport);
    g_free(paths);
}
