/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See metrics-server.h. A connection has one request, in one head, and some seconds
 * for it; when there are too many, the oldest goes.
 */

#include <config.h>

#include "common/metrics-server.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/socket.h>

#include "common/authority.h"
#include "common/clock.h"
#include "common/listen-address.h"
#include "common/log.h"
#include "common/metrics.h"

#define HTTPS "https://"
#define MAX_VISITS 16
#define MAX_HEAD 4096
#define LIMIT_MS 5000
#define MAX_LATER_BYTES (64 << 10) /* that may come behind the request */
#define PAUSE_MS 200               /* without accepting, when that fails */

struct MetricsServer {
    const MetricsServerOps *ops;
    gpointer data;
    GPtrArray *ports;     /* of MetricsPort */
    GPtrArray *addresses; /* URLs, NULL at the end */
    char **server_names;
    GQueue visits; /* the oldest first */
    guint pause_timer;
};

typedef struct {
    MetricsServer *server;
    char *wanted; /* as the configuration has it */
    bool tls;
    GSocket *socket;
    GSource *source; /* NULL during a pause */
} MetricsPort;

typedef struct {
    MetricsServer *server;
    GSocket *socket;
    gpointer tls; /* NULL: none */
    GSource *source;
    guint limit_timer;
    GString *in, *out; /* OUT is NULL before there is an answer */
    gsize sent, later;
} MetricsVisit;

G_DEFINE_QUARK(rtcbus - metrics - server - error - quark, metrics_server_error)

/* ---- a visit ---------------------------------------------------------------------- */

static void visit_free(MetricsVisit *visit)
{
    g_queue_remove(&visit->server->visits, visit);
    g_clear_handle_id(&visit->limit_timer, g_source_remove);
    if (visit->source)
        g_source_destroy(visit->source);
    g_clear_pointer(&visit->source, g_source_unref);
    if (visit->tls)
        visit->server->ops->tls->end(visit->tls);
    g_object_unref(visit->socket);
    g_string_free(visit->in, TRUE);
    if (visit->out)
        g_string_free(visit->out, TRUE);
    g_free(visit);
}

static gboolean on_limit(gpointer data)
{
    MetricsVisit *visit = data;

    visit->limit_timer = 0;
    visit_free(visit);
    return G_SOURCE_REMOVE;
}

/* ---- its bytes, as they are or through TLS ---- */

static gssize visit_receive(MetricsVisit *visit, char *buffer)
{
    if (visit->tls)
        return visit->server->ops->tls->receive(visit->tls, buffer);
    return recv(g_socket_get_fd(visit->socket), buffer, METRICS_SERVER_BUFFER, 0);
}

static gssize visit_send(MetricsVisit *visit, const char *data, gsize size)
{
    if (visit->tls)
        return visit->server->ops->tls->send(visit->tls, data, size);
    return send(g_socket_get_fd(visit->socket), data, size, MSG_NOSIGNAL);
}

/* Some of the answer is still to go out. */
static bool visit_owes(const MetricsVisit *visit)
{
    if (!visit->out)
        return false;
    return visit->sent < visit->out->len ||
           (visit->tls && visit->server->ops->tls->owes(visit->tls));
}

static void visit_finish(MetricsVisit *visit)
{
    if (visit->tls)
        visit->server->ops->tls->finish(visit->tls);
    else
        shutdown(g_socket_get_fd(visit->socket), SHUT_WR);
}

static gboolean on_visit(GSocket *socket, GIOCondition condition, gpointer data);

static void visit_wait(MetricsVisit *visit, GIOCondition condition)
{
    if (visit->source) {
        g_source_destroy(visit->source);
        g_source_unref(visit->source);
    }
    visit->source = g_socket_create_source(visit->socket, condition, NULL);
    g_source_set_callback(visit->source, G_SOURCE_FUNC(on_visit), visit, NULL);
    g_source_attach(visit->source, NULL);
}

/* The value of the one field NAME in HEAD, which is in lower case; NULL if there is none, or two. */
static char *field_value(const char *head, const char *name)
{
    g_autofree char *start = g_strdup_printf("\r\n%s:", name);
    const char *found = strstr(head, start);

    if (!found || strstr(found + 1, start))
        return NULL;
    found += strlen(start);
    return g_strstrip(g_strndup(found, strcspn(found, "\r\n")));
}

/* Takes BODY. */
static void visit_answer(MetricsVisit *visit, const char *status, const char *type, GString *body,
                         bool head_only)
{
    visit->out = g_string_new(NULL);
    g_string_printf(visit->out,
                    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %" G_GSIZE_FORMAT
                    "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                    "Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n",
                    status, type, body->len);
    if (!head_only)
        g_string_append_len(visit->out, body->str, (gssize) body->len);
    g_string_free(body, TRUE);
    visit_wait(visit, G_IO_OUT);
}

static void visit_say(MetricsVisit *visit, const char *status, const char *text, bool head_only)
{
    GString *body = g_string_new(text);

    g_string_append_c(body, '\n');
    visit_answer(visit, status, "text/plain; charset=utf-8", body, head_only);
}

static void visit_page(MetricsVisit *visit, const char *path, bool head_only)
{
    const MetricsServer *server = visit->server;
    const char *trouble = server->ops->trouble(server->data);

    if (strcmp(path, "/metrics") == 0)
        visit_answer(visit, "200 OK", METRICS_TYPE, server->ops->page(server->data), head_only);
    else if (strcmp(path, "/healthz") != 0)
        visit_say(visit, "404 Not Found", "there are /metrics and /healthz", head_only);
    else if (trouble)
        visit_say(visit, "503 Service Unavailable", trouble, head_only);
    else
        visit_say(visit, "200 OK", "ok", head_only);
}

/* The head is whole. */
static void visit_request(MetricsVisit *visit)
{
    g_autofree char *lower = g_ascii_strdown(visit->in->str, -1);
    g_autofree char *host = field_value(lower, "host");
    g_autofree char *line = g_strndup(visit->in->str, strcspn(visit->in->str, "\r"));
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    bool head_only;

    if (g_strv_length(words) != 3 || !g_str_has_prefix(words[2], "HTTP/1.")) {
        visit_say(visit, "400 Bad Request", "this is not HTTP", false);
        return;
    }
    head_only = strcmp(words[0], "HEAD") == 0;
    words[1][strcspn(words[1], "?#")] = '\0';
    if (!head_only && strcmp(words[0], "GET") != 0)
        visit_say(visit, "405 Method Not Allowed", "only GET and HEAD are understood here", false);
    else if (!host || !authority_is_ours(host, visit->server->server_names, g_get_host_name()))
        visit_say(visit, "421 Misdirected Request",
                  "this machine is not known by that name: ServerNames= in [Metrics] lacks it",
                  head_only);
    else
        visit_page(visit, words[1], head_only);
}

/* False at its end. */
static bool visit_read(MetricsVisit *visit)
{
    static char buffer[METRICS_SERVER_BUFFER];
    gssize n = visit_receive(visit, buffer);
    const char *end;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    if (visit->out) { /* all is said; closing with something unread would take the answer back */
        visit->later += (gsize) n;
        return visit->later < MAX_LATER_BYTES;
    }
    g_string_append_len(visit->in, buffer, n);
    end = strstr(visit->in->str, "\r\n\r\n");
    if (strlen(visit->in->str) != visit->in->len)
        visit_say(visit, "400 Bad Request", "this is not HTTP", false);
    else if ((end ? (gsize) (end - visit->in->str) : visit->in->len) > MAX_HEAD)
        visit_say(visit, "431 Request Header Fields Too Large", "the request is too large", false);
    else if (end)
        visit_request(visit);
    return true;
}

static bool visit_write(MetricsVisit *visit)
{
    gssize n = visit_send(visit, visit->out->str + visit->sent, visit->out->len - visit->sent);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    visit->sent += (gsize) n;
    if (!visit_owes(visit)) {
        visit_finish(visit);
        visit_wait(visit, G_IO_IN);
    }
    return true;
}

static gboolean on_visit(GSocket *socket, GIOCondition condition, gpointer data)
{
    MetricsVisit *visit = data;

    if (!(visit_owes(visit) ? visit_write(visit) : visit_read(visit)))
        visit_free(visit);
    return G_SOURCE_CONTINUE;
}

/* ---- listening ---------------------------------------------------------------------- */

static gboolean on_connection(GSocket *socket, GIOCondition condition, gpointer data);

static void port_accept(MetricsPort *port)
{
    port->source = g_socket_create_source(port->socket, G_IO_IN, NULL);
    g_source_set_callback(port->source, G_SOURCE_FUNC(on_connection), port, NULL);
    g_source_attach(port->source, NULL);
}

static void port_pause(MetricsPort *port)
{
    if (port->source)
        g_source_destroy(port->source);
    g_clear_pointer(&port->source, g_source_unref);
}

static gboolean on_pause_over(gpointer data)
{
    MetricsServer *server = data;

    server->pause_timer = 0;
    for (guint i = 0; i < server->ports->len; i++) {
        port_pause(server->ports->pdata[i]); /* one that came during the pause accepts */
        port_accept(server->ports->pdata[i]);
    }
    return G_SOURCE_REMOVE;
}

/* Without a descriptor for it a connection stays in the queue, and the socket readable. */
static void pause_accepting(MetricsServer *server, const GError *error)
{
    log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_CONNECTIONS),
              _("cannot accept a connection: %s"), error->message);
    for (guint i = 0; i < server->ports->len; i++)
        port_pause(server->ports->pdata[i]);
    if (server->pause_timer == 0)
        server->pause_timer = clock_timer_add(PAUSE_MS, on_pause_over, server);
}

/* Takes SOCKET, of somebody who has come to PORT. */
static void begin_visit(const MetricsPort *port, GSocket *socket)
{
    MetricsServer *server = port->server;
    MetricsVisit *visit = g_new0(MetricsVisit, 1);

    if (server->visits.length >= MAX_VISITS)
        visit_free(server->visits.head->data);
    g_socket_set_blocking(socket, FALSE);
    visit->server = server;
    visit->socket = socket;
    visit->in = g_string_new(NULL);
    visit->limit_timer = clock_timer_add(LIMIT_MS, on_limit, visit);
    g_queue_push_tail(&server->visits, visit);
    visit_wait(visit, G_IO_IN);
    if (!port->tls)
        return;
    visit->tls = server->ops->tls->begin(g_socket_get_fd(socket), server->data);
    if (!visit->tls)
        visit_free(visit);
}

static gboolean on_connection(GSocket *socket, GIOCondition condition, gpointer data)
{
    const MetricsPort *port = data;
    g_autoptr(GError) error = NULL;
    GSocket *accepted = g_socket_accept(socket, NULL, &error);

    if (accepted)
        begin_visit(port, accepted);
    else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        pause_accepting(port->server, error);
    return G_SOURCE_CONTINUE;
}

/* The address in TEXT, which may say that TLS is spoken there. */
static const char *without_scheme(const char *text)
{
    return g_str_has_prefix(text, HTTPS) ? text + strlen(HTTPS) : text;
}

static GSocketAddress *parse_address(const char *text)
{
    const char *colon = strrchr(text, ':');
    g_autofree char *host = NULL;
    guint64 port;

    if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
        return NULL;
    if (text[0] == '[' && colon > text + 1 && colon[-1] == ']')
        host = g_strndup(text + 1, (gsize) (colon - text) - 2);
    else
        host = g_strndup(text, (gsize) (colon - text));
    if ((text[0] == '[') != (strchr(host, ':') != NULL))
        return NULL;
    return g_inet_socket_address_new_from_string(host, (guint) port);
}

bool metrics_server_wants_tls(const char *text)
{
    return g_str_has_prefix(text, HTTPS);
}

bool metrics_server_check_address(const char *text)
{
    g_autoptr(GSocketAddress) address = parse_address(without_scheme(text));

    return address != NULL;
}

/* As g_socket_bind(), and to an address that is still to come */
static bool bind_socket(GSocket *socket, GSocketAddress *address, const char *text, GError **error)
{
    struct sockaddr_storage native;
    gssize size = g_socket_address_get_native_size(address);
    int fd = g_socket_get_fd(socket), on = 1;

    if (!g_socket_address_to_native(address, &native, sizeof native, error))
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listen_address_bind(fd, (struct sockaddr *) &native, (socklen_t) size, text) == 0)
        return true;
    g_set_error_literal(error, G_IO_ERROR, g_io_error_from_errno(errno), g_strerror(errno));
    return false;
}

static GSocket *open_socket(const char *text, GError **error)
{
    g_autoptr(GSocketAddress) address = parse_address(without_scheme(text));
    g_autoptr(GSocket) socket = NULL;

    if (!address) {
        g_set_error(error, METRICS_SERVER_ERROR, 0, _("%s is not an address and a port"), text);
        return NULL;
    }
    socket = g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM,
                          G_SOCKET_PROTOCOL_TCP, error);
    if (!socket)
        return NULL;
    g_socket_set_blocking(socket, FALSE);
    if (!bind_socket(socket, address, text, error) || !g_socket_listen(socket, error))
        return NULL;
    return g_steal_pointer(&socket);
}

static char *port_url(const MetricsPort *port)
{
    g_autoptr(GSocketAddress) address = g_socket_get_local_address(port->socket, NULL);
    g_autofree char *text = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address));

    return g_strconcat(port->tls ? HTTPS : "http://", text, NULL);
}

static void port_free(gpointer data)
{
    MetricsPort *port = data;

    port_pause(port);
    g_object_unref(port->socket);
    g_free(port->wanted);
    g_free(port);
}

static MetricsPort *port_new(MetricsServer *server, const char *wanted, GError **error)
{
    g_autoptr(GError) problem = NULL;
    GSocket *socket = open_socket(wanted, &problem);
    MetricsPort *port;

    if (!socket) {
        g_set_error(error, METRICS_SERVER_ERROR, 0, _("cannot listen on %s for metrics: %s"),
                    wanted, problem->message);
        return NULL;
    }
    port = g_new0(MetricsPort, 1);
    port->server = server;
    port->wanted = g_strdup(wanted);
    port->tls = metrics_server_wants_tls(wanted);
    port->socket = socket;
    port_accept(port);
    return port;
}

/* The place of the port that was wanted as TEXT; -1: there is none. */
static int find_port(const MetricsServer *server, const char *text)
{
    for (guint i = 0; i < server->ports->len; i++) {
        if (strcmp(((MetricsPort *) server->ports->pdata[i])->wanted, text) == 0)
            return (int) i;
    }
    return -1;
}

static void note_addresses(MetricsServer *server)
{
    g_ptr_array_set_size(server->addresses, 0);
    for (guint i = 0; i < server->ports->len; i++)
        g_ptr_array_add(server->addresses, port_url(server->ports->pdata[i]));
    g_ptr_array_add(server->addresses, NULL);
}

/* The new ones first: if one cannot be had, all is as it was. */
bool metrics_server_listen(MetricsServer *server, char **addresses, bool *changed, GError **error)
{
    g_autoptr(GPtrArray) fresh = g_ptr_array_new_with_free_func(port_free);
    guint before = server->ports->len;

    for (char **address = addresses; *address; address++) {
        MetricsPort *port =
            find_port(server, *address) < 0 ? port_new(server, *address, error) : NULL;

        if (port)
            g_ptr_array_add(fresh, port);
        else if (find_port(server, *address) < 0)
            return false;
    }
    *changed = fresh->len > 0;
    for (guint i = before; i > 0; i--) {
        const MetricsPort *port = server->ports->pdata[i - 1];

        if (g_strv_contains((const char *const *) addresses, port->wanted))
            continue;
        g_ptr_array_remove_index(server->ports, i - 1);
        *changed = true;
    }
    while (fresh->len > 0)
        g_ptr_array_add(server->ports, g_ptr_array_steal_index(fresh, 0));
    note_addresses(server);
    return true;
}

MetricsServer *metrics_server_new(char **addresses, char **server_names,
                                  const MetricsServerOps *ops, gpointer data, GError **error)
{
    MetricsServer *server = g_new0(MetricsServer, 1);
    bool changed;

    server->ops = ops;
    server->data = data;
    server->server_names = g_strdupv(server_names);
    server->ports = g_ptr_array_new_with_free_func(port_free);
    server->addresses = g_ptr_array_new_with_free_func(g_free);
    if (metrics_server_listen(server, addresses, &changed, error))
        return server;
    metrics_server_free(server);
    return NULL;
}

void metrics_server_free(MetricsServer *server)
{
    if (!server)
        return;
    while (server->visits.head)
        visit_free(server->visits.head->data);
    g_clear_handle_id(&server->pause_timer, g_source_remove);
    g_ptr_array_unref(server->ports);
    g_ptr_array_unref(server->addresses);
    g_strfreev(server->server_names);
    g_free(server);
}

void metrics_server_set_names(MetricsServer *server, char **server_names)
{
    g_strfreev(server->server_names);
    server->server_names = g_strdupv(server_names);
}

const char *const *metrics_server_addresses(const MetricsServer *server)
{
    return (const char *const *) server->addresses->pdata;
}
