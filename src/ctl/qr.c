/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Dark squares are blocks in black on white, whatever the colours of the terminal
 * are, so that the picture is the right way round on all of them.
 */

#include <config.h>

#include "ctl/qr.h"

#include <glib.h>
#include <qrencode.h>

enum { QUIET = 2 }; /* squares around it; the standard's 4 are more than cameras need */

static gboolean is_dark(const QRcode *code, int x, int y)
{
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return FALSE;
    return code->data[y * code->width + x] & 1;
}

void qr_print(const char *text)
{
    static const char *const blocks[] = {" ", "▄", "▀", "█"}; /* by dark: upper 2, lower 1 */
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    if (!code)
        return;
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        g_print("\033[30;107m");
        for (int x = -QUIET; x < code->width + QUIET; x++)
            g_print("%s", blocks[is_dark(code, x, y) << 1 | is_dark(code, x, y + 1)]);
        g_print("\033[0m\n");
    }
    QRcode_free(code);
}
