/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * rtcbusctl: the two daemons for people at a terminal, and with --json for
 * programs that would rather not speak D-Bus.
 */

#include <config.h>

#include <fcntl.h>
#include <glib/gi18n.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/command.h"
#include "ctl/text.h"

/* A standard stream that is closed would be the number of the next descriptor, such as our
 * connection to the bus, and "pipe" would read that. What is opened in its place fails when it
 * is read, or written, as the closed one would. */
static void hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
}

/* What is not written down is not done. */
static int output_status(int status)
{
    if (!text_output_failed())
        return status;
    client_complain(_("what this says could not be written"));
    return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

int main(int argc, char **argv)
{
    hold_standard_streams();
    setlocale(LC_ALL, "");
    bindtextdomain(GETTEXT_PACKAGE, LOCALEDIR);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    textdomain(GETTEXT_PACKAGE);
    return output_status(command_main(argc, argv));
}
