/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * rtcbusctl: the two daemons for people at a terminal, and with --json for
 * programs that would rather not speak D-Bus.
 */

#include "config.h"

#include <glib/gi18n.h>
#include <locale.h>

#include "ctl/command.h"

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    bindtextdomain(GETTEXT_PACKAGE, LOCALEDIR);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    textdomain(GETTEXT_PACKAGE);
    return command_main(argc, argv);
}
