/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/bus/bus-values.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/names.h"
#include "peer/error.h"
#include "rtc/connection.h"
#include "rtc/ice/ice-server.h"

static void store_option(const BusOption *option, GVariant *value)
{
    switch (option->type[0]) {
    case 's':
        g_free(*(char **) option->place);
        *(char **) option->place = g_variant_dup_string(value, NULL);
        break;
    case 'b':
        *(bool *) option->place = g_variant_get_boolean(value);
        break;
    case 'u':
        *(guint *) option->place = g_variant_get_uint32(value);
        break;
    case 'q':
        *(guint *) option->place = g_variant_get_uint16(value);
        break;
    case 't':
        *(guint64 *) option->place = g_variant_get_uint64(value);
        break;
    case 'a':
        g_strfreev(*(char ***) option->place);
        *(char ***) option->place = g_variant_dup_strv(value, NULL);
        break;
    default:
        g_return_if_reached();
    }
    if (option->given)
        *option->given = true;
}

bool bus_options_read(GVariant *dict, const BusOption *options, GError **error)
{
    GVariantIter iter;
    const char *key;
    GVariant *child;

    g_variant_iter_init(&iter, dict);
    while (g_variant_iter_next(&iter, "{&sv}", &key, &child)) {
        g_autoptr(GVariant) value = child;
        const BusOption *option = options;

        while (option->key && strcmp(option->key, key) != 0)
            option++;
        if (!option->key) {
            g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                        _("the option \"%s\" is not known"), key);
            return false;
        }
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE(option->type))) {
            g_set_error(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                        _("the option \"%s\" must be of type %s, not %s"), key, option->type,
                        g_variant_get_type_string(value));
            return false;
        }
        store_option(option, value);
    }
    return true;
}

bool bus_check_servers(char *const *servers, GError **error)
{
    for (guint i = 0; servers && servers[i]; i++) {
        g_auto(IceServer) server = {};

        if (!ice_server_parse(servers[i], &server, error))
            return false;
    }
    return true;
}

static const struct {
    const char *text;
    ChannelPriority priority;
} priorities[] = {
    {"very-low", CHANNEL_PRIORITY_VERY_LOW},
    {"low", CHANNEL_PRIORITY_LOW},
    {"medium", CHANNEL_PRIORITY_MEDIUM},
    {"high", CHANNEL_PRIORITY_HIGH},
};

bool bus_priority_parse(const char *text, ChannelPriority *priority)
{
    for (guint i = 0; i < G_N_ELEMENTS(priorities); i++) {
        if (strcmp(priorities[i].text, text) == 0) {
            *priority = priorities[i].priority;
            return true;
        }
    }
    return false;
}

/* As webrtc-priority has it: the first that is not below */
const char *bus_priority_to_string(ChannelPriority priority)
{
    guint i = 0;

    while (i + 1 < G_N_ELEMENTS(priorities) && priority > priorities[i].priority)
        i++;
    return priorities[i].text;
}

static const char *peer_error_name(int code)
{
    switch (code) {
    case PEER_ERROR_NOT_CONNECTED:
        return ERROR_NOT_CONNECTED;
    case PEER_ERROR_NO_SUCH_PEER:
        return ERROR_NO_SUCH_PEER;
    case PEER_ERROR_DENIED:
        return ERROR_DENIED;
    case PEER_ERROR_TIMEOUT:
        return ERROR_TIMEOUT;
    case PEER_ERROR_LIMIT_EXCEEDED:
        return ERROR_LIMIT_EXCEEDED;
    case PEER_ERROR_INVALID_ARGUMENT:
        return ERROR_INVALID_ARGUMENT;
    default:
        return ERROR_FAILED;
    }
}

static const char *rtc_error_name(int code)
{
    switch (code) {
    case RTC_ERROR_INVALID:
    case RTC_ERROR_UNSUPPORTED:
    case RTC_ERROR_TOO_LARGE:
        return ERROR_INVALID_ARGUMENT;
    case RTC_ERROR_FULL:
        return ERROR_LIMIT_EXCEEDED;
    case RTC_ERROR_CLOSED:
    case RTC_ERROR_STATE:
        return ERROR_NOT_CONNECTED;
    case RTC_ERROR_NO_PATH:
    case RTC_ERROR_TIMEOUT:
        return ERROR_TIMEOUT;
    case RTC_ERROR_REFUSED:
    case RTC_ERROR_SECURITY:
        return ERROR_DENIED;
    default:
        return ERROR_FAILED;
    }
}

void bus_return_error(GDBusMethodInvocation *invocation, const GError *error)
{
    const char *name = ERROR_FAILED;

    if (error->domain == PEER_ERROR)
        name = peer_error_name(error->code);
    else if (error->domain == RTC_ERROR)
        name = rtc_error_name(error->code);
    g_dbus_method_invocation_return_dbus_error(invocation, name, error->message);
}

void bus_return_closed(GDBusMethodInvocation *invocation)
{
    g_dbus_method_invocation_return_dbus_error(invocation, ERROR_NOT_CONNECTED,
                                               _("the channel is closed"));
}

char *bus_call_path(guint call)
{
    return g_strdup_printf(PEER_OBJECT_PATH "/call/%u", call);
}

char *bus_channel_path(guint call, guint channel)
{
    return g_strdup_printf(PEER_OBJECT_PATH "/call/%u/channel/%u", call, channel);
}

char *bus_text(const void *bytes, gsize length)
{
    return length > 0 ? g_utf8_make_valid(bytes, length) : g_strdup("");
}

void bus_tell(GDBusInterfaceSkeleton *object, const char *destination, const char *signal,
              GVariant *values)
{
    GDBusConnection *connection = g_dbus_interface_skeleton_get_connection(object);
    g_autoptr(GVariant) kept = g_variant_ref_sink(values);

    if (connection)
        g_dbus_connection_emit_signal(
            connection, destination, g_dbus_interface_skeleton_get_object_path(object),
            g_dbus_interface_skeleton_get_info(object)->name, signal, kept, NULL);
}
