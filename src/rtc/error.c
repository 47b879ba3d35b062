/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/error.h"

G_DEFINE_QUARK(rtc - error - quark, rtc_error)
