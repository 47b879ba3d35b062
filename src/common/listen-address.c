/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "common/listen-address.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

#define UNIX_PREFIX "unix:"
#define INODE_KEY "rtcbus-inode"

static GSocketAddress *parse_inet(const char *text)
{
    g_autoptr(GSocketConnectable) parsed = g_network_address_parse(text, 0, NULL);
    GNetworkAddress *address = G_NETWORK_ADDRESS(parsed);
    const char *colon = strrchr(text, ':');

    if (!parsed || !colon || (strchr(text, ':') != colon && (*text != '[' || colon[-1] != ']')))
        return NULL; /* without a port, or it cannot be told from the address */
    return g_inet_socket_address_new_from_string(g_network_address_get_hostname(address),
                                                 g_network_address_get_port(address));
}

GSocketAddress *listen_address_parse(const char *text)
{
    const char *path = text + strlen(UNIX_PREFIX);

    if (!g_str_has_prefix(text, UNIX_PREFIX))
        return parse_inet(text);
    if (*path != '/' || strlen(path) >= sizeof((struct sockaddr_un *) NULL)->sun_path)
        return NULL;
    return g_unix_socket_address_new(path);
}

/* ---- paths ------------------------------------------------------------------ */

static bool is_listened_on(GSocketAddress *address)
{
    g_autoptr(GSocket) probe =
        g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    g_autoptr(GError) error = NULL;

    if (!probe)
        return true;
    g_socket_set_blocking(probe, FALSE);
    return g_socket_connect(probe, address, NULL, &error) ||
           !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
}

static bool make_way(GSocketAddress *address, const char *path, GError **error)
{
    GStatBuf status;

    if (g_lstat(path, &status) != 0)
        return true; /* if it is there, bind() says why not */
    if (!S_ISSOCK(status.st_mode))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_EXISTS, _("%s is there, and is no socket"), path);
    else if (is_listened_on(address))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                    _("another program listens on %s"), path);
    else if (g_unlink(path) != 0 && errno != ENOENT)
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "%s: %s", path,
                    g_strerror(errno));
    else
        return true;
    return false;
}

/* NULL for what is no path. */
static const char *address_path(GSocketAddress *address)
{
    return G_IS_UNIX_SOCKET_ADDRESS(address)
               ? g_unix_socket_address_get_path(G_UNIX_SOCKET_ADDRESS(address))
               : NULL;
}

/* umask leaves it to its owner until it is open to the group. */
static bool open_to_group(GSocket *socket, const char *path, GError **error)
{
    GStatBuf status;

    if (g_chmod(path, 0660) != 0 || g_lstat(path, &status) != 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "%s: %s", path,
                    g_strerror(errno));
        g_unlink(path);
        return false;
    }
    g_object_set_data_full(G_OBJECT(socket), INODE_KEY, g_memdup2(&status, sizeof status), g_free);
    return true;
}

GSocket *listen_address_open(GSocketAddress *address, int backlog, GError **error)
{
    const char *path = address_path(address);
    g_autoptr(GSocket) socket = NULL;

    if (path && !make_way(address, path, error))
        return NULL;
    socket = g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM,
                          G_SOCKET_PROTOCOL_DEFAULT, error);
    if (!socket)
        return NULL;
    g_socket_set_listen_backlog(socket, backlog);
    if (!g_socket_bind(socket, address, TRUE, error) ||
        (path && !open_to_group(socket, path, error)) || !g_socket_listen(socket, error))
        return NULL;
    return g_steal_pointer(&socket);
}

int listen_address_bind(int fd, const struct sockaddr *address, socklen_t length, const char *text)
{
    int on = 1;

    if (bind(fd, address, length) == 0)
        return 0;
    if (errno != EADDRNOTAVAIL)
        return -1;
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
    else
        setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
    if (bind(fd, address, length) != 0)
        return -1;
    log_warning(_("%s is no address of this machine yet: it is listened on from when it comes"),
                text);
    return 0;
}

void listen_address_remove(GSocket *socket)
{
    g_autoptr(GSocketAddress) address = g_socket_get_local_address(socket, NULL);
    const char *path = address ? address_path(address) : NULL;
    const GStatBuf *ours = g_object_get_data(G_OBJECT(socket), INODE_KEY);
    GStatBuf status;

    if (path && ours && g_lstat(path, &status) == 0 && status.st_dev == ours->st_dev &&
        status.st_ino == ours->st_ino)
        g_unlink(path);
}
