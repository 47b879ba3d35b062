/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libnice can restart an agent, but then the old pair is gone before there is a
 * new one, and so are sockets whose address is. So each generation is an agent of
 * its own. There are three at most: the one that carries what we send, the one
 * before it, and the newest. What is given up is freed from the main loop, since
 * its own code may be waiting under the callback.
 */

#include <config.h>

#include "rtc/paths.h"

#include <string.h>

#include "common/candidate.h"
#include "common/clock.h"
#include "common/log.h"
#include "rtc/error.h"

enum {
    MAX_GENERATIONS = 3,
    MAX_LEFTOVERS = 4, /* being closed: a remote may restart at any rate */
    MAX_EARLY = 128,   /* candidates ahead of their description */
    SEARCH_SECONDS = 60,
    FOLLOW_SECONDS = 5, /* until the remote has followed us, if it is heard where we are */
    LEAVE_SECONDS = 30, /* the same if it is not */
    RELAYED_MAX_SECONDS = 960,
    WATCH_MS = 500,
};

typedef struct {
    Paths *paths;
    Ice *ice;
    char *remote_ufrag; /* NULL: not known yet */
    gint64 begun;       /* monotonic µs; for the active one, when it became that */
    bool no_consent;
    bool heard;            /* since `begun` */
    bool dead;             /* it waits to be freed */
    GPtrArray *candidates; /* of char *, what has been told; "" ends them */
    gsize sizes[TRANSPORT_SIZES_MAX];
    guint n_sizes;
} IceGeneration;

/* A candidate that came ahead of its description */
typedef struct {
    char *line, *ufrag; /* ufrag: or NULL */
} EarlyCandidate;

struct Paths {
    Transport transport;
    const PathsUser *user;
    gpointer data;
    IceConfig config;
    char **servers, **interfaces;
    GPtrArray *generations; /* of IceGeneration, the newest last */
    IceGeneration *active;  /* NULL: none has found a pair */
    GPtrArray *dead;        /* of IceGeneration */
    guint reaper, keeper;   /* sources */
    GQueue early;           /* of EarlyCandidate */
    IceLeftovers *leftovers;
    bool lost, silent;

    guint relayed;         /* timer */
    guint relayed_seconds; /* the next one */

    guint watch;
    bool sent, heard; /* since its last tick */
    bool asked;       /* since something was heard */
    guint misses;
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

static bool has_pair(const IceGeneration *generation)
{
    return ice_transport(generation->ice)->state == TRANSPORT_CONNECTED;
}

static void tell(Paths *paths, PathsEvent event)
{
    paths->user->event(event, paths->data);
}

/* ---- the end of a generation ---------------------------------------------- */

static void early_free(EarlyCandidate *early)
{
    g_free(early->line);
    g_free(early->ufrag);
    g_free(early);
}

static void generation_free(IceGeneration *generation)
{
    if (generation->ice) {
        transport_set_user(ice_transport(generation->ice), NULL, NULL);
        ice_free(generation->ice);
    }
    g_free(generation->remote_ufrag);
    g_ptr_array_unref(generation->candidates);
    g_free(generation);
}

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
        paths->active = NULL;
    g_ptr_array_add(paths->dead, generation);
    if (paths->reaper == 0)
        paths->reaper = g_idle_add_full(G_PRIORITY_DEFAULT, on_reap, paths, NULL);
}

static void generation_failed(Paths *paths, IceGeneration *generation, const GError *reason)
{
    if (!paths->active) {
        transport_enter_state(&paths->transport, TRANSPORT_FAILED, reason);
        return;
    }
    drop(paths, generation);
    tell(paths, PATHS_FAILED);
}

/* ---- which one carries what we send ---------------------------------------- */

static void look_for_relay(Paths *paths);

static void activate(Paths *paths, IceGeneration *generation)
{
    bool first = paths->active == NULL;

    paths->active = generation;
    generation->begun = clock_monotonic();
    generation->heard = false;
    paths->misses = 0;
    paths->lost = paths->silent = false;
    look_for_relay(paths);
    if (first) {
        transport_enter_state(&paths->transport, TRANSPORT_CONNECTED, NULL);
        return;
    }
    log_debug("ICE: packets go by another generation (%s)", ice_ufrag(generation->ice));
    transport_path(&paths->transport, generation->sizes, generation->n_sizes);
    tell(paths, PATHS_MOVED);
}

/* Another one that has a pair, if the active one is not answered any more. */
static bool move_away(Paths *paths)
{
    for (guint i = paths->generations->len; i-- > 0;) {
        IceGeneration *generation = paths->generations->pdata[i];

        if (generation != paths->active && has_pair(generation) && !generation->no_consent) {
            activate(paths, generation);
            return true;
        }
    }
    return false;
}

/* Those with a pair that are no longer needed */
static void retire(Paths *paths)
{
    const IceGeneration *active = paths->active;
    gint64 age = active ? (clock_monotonic() - active->begun) / G_USEC_PER_SEC : 0;

    if (!active || age < (active->heard ? FOLLOW_SECONDS : LEAVE_SECONDS))
        return;
    for (guint i = paths->generations->len; i-- > 0;) {
        IceGeneration *generation = paths->generations->pdata[i];

        if (generation != active && has_pair(generation))
            drop(paths, generation);
    }
}

/* While there is more than one */
static gboolean on_keeper(gpointer data)
{
    Paths *paths = data;
    IceGeneration *last = the_newest(paths);

    if (last != paths->active && !has_pair(last) &&
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

/*
 * It costs a few flags a packet, and nothing while there are none. A remote may leave what we send
 * unanswered for good reasons, such as a reader that waits; but not a question.
 */
static gboolean on_watch(gpointer data)
{
    Paths *paths = data;
    bool idle = !paths->sent && !paths->heard && paths->misses == 0;

    if (paths->heard || !(paths->asked || paths->user->is_owed(paths->data)))
        paths->misses = 0;
    else
        paths->misses++;
    paths->sent = paths->heard = false;
    if (paths->misses * WATCH_MS == PATHS_SILENT_MS / 2)
        paths_ask(paths);
    if (paths->misses * WATCH_MS == PATHS_SILENT_MS && !paths->silent)
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

static void note_heard(Paths *paths)
{
    paths->heard = true;
    paths->asked = false;
    if (!paths->silent && !paths->lost)
        return;
    paths->silent = paths->lost = false;
    tell(paths, PATHS_HEARD);
}

/* ---- from the agents ------------------------------------------------------- */

static void on_receive(const guint8 *packet, gsize length, gpointer data)
{
    IceGeneration *generation = data;
    Paths *paths = generation->paths;

    generation->heard = true;
    note_heard(paths);
    transport_receive(&paths->transport, packet, length);
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    IceGeneration *generation = data;
    Paths *paths = generation->paths;

    if (generation->dead)
        return;
    if (state == TRANSPORT_CONNECTED)
        activate(paths, generation);
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
    if (generation->dead || generation != paths->active)
        return;
    if (given) {
        note_heard(paths);
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

static IceGeneration *generation_new(Paths *paths, bool controlling, bool leisurely, GError **error)
{
    IceGeneration *generation = g_new0(IceGeneration, 1);
    IceConfig config = paths->config;

    config.controlling = controlling;
    config.leisurely = leisurely;
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

/* Those that look for a pair, and of those that have one all but two. */
static void make_room(Paths *paths)
{
    for (guint i = paths->generations->len; i-- > 0;) {
        if (!has_pair(paths->generations->pdata[i]))
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

    if (last && !has_pair(last))
        drop(paths, last);
}

gint64 paths_searching(const Paths *paths)
{
    const IceGeneration *last = newest(paths);

    return last && !has_pair(last) ? clock_monotonic() - last->begun : -1;
}

void paths_set_servers(Paths *paths, const char *const *servers)
{
    g_strfreev(paths->servers);
    paths->servers = g_strdupv((char **) servers);
}

/* ---- candidates ------------------------------------------------------------ */

static bool give_candidate(IceGeneration *generation, const char *line, GError **error)
{
    if (*line)
        return ice_add_candidate(generation->ice, line, error);
    ice_end_candidates(generation->ice);
    return true;
}

static void give_known(IceGeneration *generation, const char *line)
{
    g_autoptr(GError) error = NULL;

    if (!give_candidate(generation, line, &error))
        log_debug("candidate left out (%s): %s", error->message, line);
}

/* The oldest go first: those of a description that has never come. */
static void keep_early(Paths *paths, const char *line, const char *ufrag)
{
    EarlyCandidate *early = g_new0(EarlyCandidate, 1);

    early->line = g_strdup(line);
    early->ufrag = g_strdup(ufrag);
    g_queue_push_tail(&paths->early, early);
    if (g_queue_get_length(&paths->early) > MAX_EARLY)
        early_free(g_queue_pop_head(&paths->early));
}

static void give_early(Paths *paths, IceGeneration *generation)
{
    EarlyCandidate *early;

    while ((early = g_queue_pop_head(&paths->early))) {
        if (!early->ufrag || strcmp(early->ufrag, generation->remote_ufrag) == 0)
            give_known(generation, early->line);
        early_free(early);
    }
}

static void give_description(IceGeneration *generation, const Sdp *remote)
{
    for (guint i = 0; i < remote->candidates->len; i++)
        give_known(generation, remote->candidates->pdata[i]);
    if (remote->end_of_candidates)
        ice_end_candidates(generation->ice);
}

bool paths_set_remote(Paths *paths, const Sdp *remote, GError **error)
{
    IceGeneration *generation = the_newest(paths);

    if (!ice_set_remote_credentials(generation->ice, remote->ufrag, remote->password, error))
        return false;
    generation->remote_ufrag = g_strdup(remote->ufrag);
    if (paths->active)
        generation->begun = clock_monotonic();
    give_early(paths, generation);
    give_description(generation, remote);
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

    if (generation && !has_pair(generation))
        give_description(generation, remote);
}

/* "… ufrag AbCd …" (RFC 8839 5.1); NULL: it does not say. Transfer full. */
static char *find_ufrag(const char *line)
{
    g_auto(GStrv) words = candidate_split(line);

    for (guint i = CANDIDATE_N_WORDS; words && i + 1 < g_strv_length(words); i += 2) {
        if (strcmp(words[i], "ufrag") == 0)
            return g_strdup(words[i + 1]);
    }
    return NULL;
}

bool paths_add_candidate(Paths *paths, const char *line, const char *ufrag, GError **error)
{
    g_autofree char *named = ufrag && *ufrag ? g_strdup(ufrag) : find_ufrag(line);
    IceGeneration *generation = find_remote(paths, named);

    if (generation)
        return give_candidate(generation, line, error);
    keep_early(paths, line, named);
    return true;
}

void paths_repeat_candidates(Paths *paths, const char *ufrag)
{
    for (guint i = 0; i < paths->generations->len; i++) {
        const IceGeneration *generation = paths->generations->pdata[i];

        if (strcmp(ice_ufrag(generation->ice), ufrag) != 0 || has_pair(generation))
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

bool paths_is_local(const Paths *paths)
{
    return paths->active && ice_is_local(paths->active->ice);
}

bool paths_is_relayed(const Paths *paths)
{
    return paths->active && ice_is_relayed(paths->active->ice);
}

bool paths_selected_pair(const Paths *paths, char **local, char **remote)
{
    return paths->active && ice_selected_pair(paths->active->ice, local, remote);
}

static bool paths_send(Transport *transport, const guint8 *packet, gsize length)
{
    Paths *paths = (Paths *) transport;

    if (!paths->active)
        return false;
    paths->sent = true;
    if (paths->watch == 0)
        paths->watch = clock_timer_add(WATCH_MS, on_watch, paths);
    return transport_send(ice_transport(paths->active->ice), packet, length);
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
    g_queue_init(&paths->early);
    return paths;
}

void paths_free(Paths *paths)
{
    g_clear_handle_id(&paths->reaper, g_source_remove);
    g_clear_handle_id(&paths->keeper, g_source_remove);
    g_clear_handle_id(&paths->watch, g_source_remove);
    g_clear_handle_id(&paths->relayed, g_source_remove);
    g_ptr_array_unref(paths->generations);
    g_ptr_array_unref(paths->dead);
    ice_leftovers_unref(paths->leftovers);
    g_queue_clear_full(&paths->early, (GDestroyNotify) early_free);
    tls_trust_unref(paths->config.trust);
    check_budget_unref(paths->config.budget);
    g_strfreev(paths->servers);
    g_strfreev(paths->interfaces);
    transport_clear(&paths->transport);
    g_free(paths);
}
