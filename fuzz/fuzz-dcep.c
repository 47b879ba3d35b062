/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * DCEP messages. What is read as an OPEN means the same after it has been written and read
 * again.
 */

#include <config.h>

#include "fuzz.h"

#include "rtc/channel/dcep.h"

static void check_open(const guint8 *bytes, gsize length)
{
    g_auto(DcepOpen) open = {}, again = {};
    g_autoptr(GBytes) written = NULL;

    if (!dcep_parse_open(bytes, length, &open, NULL))
        return;
    g_assert_true(g_utf8_validate(open.label, -1, NULL));
    g_assert_true(g_utf8_validate(open.protocol, -1, NULL));
    g_assert_true(open.max_retransmits == -1 || open.max_packet_lifetime == -1);
    written = dcep_write_open(&open);
    g_assert_cmpuint(g_bytes_get_size(written), ==, length);
    g_assert_true(dcep_parse_open(g_bytes_get_data(written, NULL), length, &again, NULL));
    g_assert_cmpstr(open.label, ==, again.label);
    g_assert_cmpstr(open.protocol, ==, again.protocol);
    g_assert_cmpint(open.ordered, ==, again.ordered);
    g_assert_cmpint(open.max_retransmits, ==, again.max_retransmits);
    g_assert_cmpint(open.max_packet_lifetime, ==, again.max_packet_lifetime);
    g_assert_cmpint(open.priority, ==, again.priority);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree guint8 *bytes = fuzz_copy(data, size);
    DcepType type;

    fuzz_begin();
    if (dcep_type(bytes, size, &type, NULL) && type == DCEP_OPEN)
        check_open(bytes, size);
    return 0;
}
