/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/error.h"

G_DEFINE_QUARK(rtcbus - peer - error - quark, peer_error)
