/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* QR codes on a terminal that knows UTF-8. */

#pragma once

/* Prints TEXT on standard output, two rows of squares a line; nothing if it is too long. */
void qr_print(const char *text);
