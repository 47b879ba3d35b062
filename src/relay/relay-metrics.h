/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What the relay has counted, as a page for Prometheus (common/metrics.h). */

#pragma once

#include "relay/relay.h"

/* Transfer full. */
GString *relay_metrics(const Relay *relay);
