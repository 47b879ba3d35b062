/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See proxy-header.h, and "The PROXY protocol, versions 1 & 2" of HAProxy, sections
 * 2.1 and 2.2. Where it is said that the address is not known, or is not of the Internet,
 * the proxy's own counts.
 */

#include <config.h>

#include "relay/proxy-header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#define LINE_SIZE 107 /* bytes of version 1, with its end */
#define FIXED 16      /* bytes of version 2 before what it says */

static const guint8 signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* Whether DATA begins with WHAT, as far as it goes. */
static bool begins(const guint8 *data, gsize length, const void *what, gsize size)
{
    return memcmp(data, what, MIN(length, size)) == 0;
}

static void set_ipv4(struct sockaddr_storage *out, const void *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *) out;

    in->sin_family = AF_INET;
    memcpy(&in->sin_addr, address, sizeof in->sin_addr);
}

static void set_ipv6(struct sockaddr_storage *out, const void *address)
{
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) out;

    in6->sin6_family = AF_INET6;
    memcpy(&in6->sin6_addr, address, sizeof in6->sin6_addr);
}

/* ---- version 1 --------------------------------------------------------------- */

static bool is_port(const char *text)
{
    guint64 port;

    return g_ascii_string_to_unsigned(text, 10, 0, 65535, &port, NULL);
}

/* "TCP4 SOURCE DESTINATION PORT PORT", or TCP6 */
static bool parse_words(const char *line, ProxyHeader *out)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    int family;
    struct in6_addr source, destination;

    if (words[0] && strcmp(words[0], "UNKNOWN") == 0)
        return true;
    if (g_strv_length(words) != 5)
        return false;
    family = strcmp(words[0], "TCP4") == 0 ? AF_INET : AF_INET6;
    if ((family == AF_INET6 && strcmp(words[0], "TCP6") != 0) ||
        inet_pton(family, words[1], &source) != 1 ||
        inet_pton(family, words[2], &destination) != 1 || !is_port(words[3]) || !is_port(words[4]))
        return false;
    if (family == AF_INET)
        set_ipv4(&out->client, &source);
    else
        set_ipv6(&out->client, &source);
    return true;
}

static ProxyHeaderResult parse_line(const guint8 *data, gsize length, ProxyHeader *out)
{
    gsize seen = MIN(length, LINE_SIZE);
    const guint8 *end = memchr(data, '\n', seen);
    g_autofree char *line = NULL;

    if (!end)
        return seen < LINE_SIZE ? PROXY_HEADER_MORE : PROXY_HEADER_BAD;
    if (end == data || end[-1] != '\r')
        return PROXY_HEADER_BAD;
    out->size = (gsize) (end - data) + 1;
    line = g_strndup((const char *) data + 6, out->size - 8);
    if (strlen(line) != out->size - 8 || !parse_words(line, out))
        return PROXY_HEADER_BAD;
    return PROXY_HEADER_WHOLE;
}

/* ---- version 2 --------------------------------------------------------------- */

static ProxyHeaderResult parse_binary(const guint8 *data, gsize length, ProxyHeader *out)
{
    const guint8 *said = data + FIXED;
    gsize size;

    if (length < FIXED)
        return PROXY_HEADER_MORE;
    size = (gsize) data[14] << 8 | data[15];
    /* version 2, and a command: LOCAL (0) or PROXY (1) */
    if (data[12] >> 4 != 2 || (data[12] & 15) > 1 || FIXED + size > PROXY_HEADER_MAX)
        return PROXY_HEADER_BAD;
    out->size = FIXED + size;
    if (length < out->size)
        return PROXY_HEADER_MORE;
    if ((data[12] & 15) == 0)
        return PROXY_HEADER_WHOLE;
    if (data[13] == 0x11) { /* TCP over IPv4: two addresses, two ports */
        if (size < 12)
            return PROXY_HEADER_BAD;
        set_ipv4(&out->client, said);
    } else if (data[13] == 0x21) {
        if (size < 36)
            return PROXY_HEADER_BAD;
        set_ipv6(&out->client, said);
    }
    return PROXY_HEADER_WHOLE;
}

ProxyHeaderResult proxy_header_parse(const guint8 *data, gsize length, ProxyHeader *out)
{
    static const char word[] = "PROXY ";

    *out = (ProxyHeader){.client.ss_family = AF_UNSPEC};
    if (length == 0)
        return PROXY_HEADER_MORE;
    if (begins(data, length, word, strlen(word)))
        return length < strlen(word) ? PROXY_HEADER_MORE : parse_line(data, length, out);
    if (begins(data, length, signature, sizeof signature))
        return parse_binary(data, length, out);
    return PROXY_HEADER_NONE;
}
