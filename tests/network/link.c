/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * link [OPTION…] LEFT RIGHT
 *
 * A path between two network namespaces (files as in /proc/PID/ns/net) that is
 * as long, as narrow and as bad as one wants, for kernels without netem. It
 * makes an interface in each, called path0 or as --left-name and --right-name
 * say, which the caller gives addresses, prints "ready" and moves the packets
 * between the two until its standard input ends: a test that dies takes its link
 * along. Both directions are alike:
 *
 *   --delay MS          how long every packet is on its way (0)
 *   --jitter MS         at most this much longer, without overtaking (0)
 *   --loss PERCENT      of all packets, at random (0)
 *   --reorder PERCENT   of all packets are late, so that others overtake them (0)
 *   --late MS           by so much (2)
 *   --rate MBIT         per second, of IP; 0: as fast as it goes (0)
 *   --queue KIB         what may wait where the rate ends; more is lost (256)
 *   --mtu BYTES         of the interfaces (1500)
 *   --seed NUMBER       another fate for every packet (1)
 *
 * What befalls the Nth packet of a direction follows from the seed and N alone.
 * A line "NAME VALUE" on standard input changes an option from now on; "figures",
 * or SIGUSR1, prints a line of JSON for each direction, and so does the end.
 *
 * The interfaces are TUN devices. They leave checksums to the other end, as a
 * wire would, but no packet is longer than the MTU: the kernel has cut trains
 * (TSO, UDP_SEGMENT) into packets before they come here.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADER sizeof(struct virtio_net_hdr)
#define BATCH 64             /* packets of a direction before the other one has its turn */
#define EARLY 20000          /* ns; what is due so soon goes with the others */
#define TUN_QUEUE 10000      /* packets that wait for us: only we are to lose any */
#define HELD_MAX (512 << 20) /* bytes in a direction, the last resort */

typedef struct {
    double delay, jitter, loss, reorder, late, rate, queue, mtu, seed;
} Options;

static Options options = {.late = 2, .queue = 256, .mtu = 1500, .seed = 1};

static const struct {
    const char *name;
    double *value;
    double min, max;
} option_table[] = {
    {"delay", &options.delay, 0, 60000},   {"jitter", &options.jitter, 0, 60000},
    {"loss", &options.loss, 0, 100},       {"reorder", &options.reorder, 0, 100},
    {"late", &options.late, 0, 60000},     {"rate", &options.rate, 0, 1e6},
    {"queue", &options.queue, 0, 1 << 20}, {"mtu", &options.mtu, 576, 65000},
    {"seed", &options.seed, 0, 1e15},
};

typedef struct {
    gint64 due; /* ns, monotonic */
    guint64 number;
    gsize length; /* with the header */
    guint8 bytes[];
} Packet;

typedef struct {
    const char *name;
    int from, to;
    guint64 key;     /* of its random numbers */
    GPtrArray *heap; /* of Packet, the first due on top */
    gsize held;      /* bytes in the heap */
    gint64 free_at;  /* ns, when all that waits for the rate will have been sent */
    gint64 last_due; /* of a packet that was not late */

    guint64 received, received_bytes, delivered, delivered_bytes;
    guint64 lost, overflowed, late, reordered, refused;
    guint64 last_delivered; /* the highest number */
    gsize queue_high;       /* bytes that waited for the rate */
    gint64 tardy;           /* ns, the longest that a packet was delivered after its time */
} Direction;

static Direction directions[2] = {{.name = "left-to-right"}, {.name = "right-to-left"}};
static GPtrArray *spare; /* of Packet */

static void die(const char *what)
{
    fprintf(stderr, "link: %s: %s\n", what, g_strerror(errno));
    exit(1);
}

static gint64 now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * G_GINT64_CONSTANT(1000000000) + time.tv_nsec;
}

static gint64 ns_of_ms(double ms)
{
    return (gint64) (ms * 1e6);
}

/* ---- chance ---- */

/* splitmix64, a counter's scrambler: no state but the packet's number */
static guint64 scramble(guint64 x)
{
    x += G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* 0 ≤ x < 1, the WHATth of a packet */
static double chance(const Direction *direction, guint64 number, guint what)
{
    guint64 bits = scramble(direction->key + number * 4 + what);

    return (double) (bits >> 11) / (double) (G_GUINT64_CONSTANT(1) << 53);
}

static void take_seed(void)
{
    for (guint i = 0; i < 2; i++)
        directions[i].key = scramble((guint64) options.seed * 2 + i);
}

/* ---- the heap: by time, then by number ---- */

static bool is_before(const Packet *a, const Packet *b)
{
    return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void heap_push(GPtrArray *heap, Packet *packet)
{
    guint at = heap->len;

    g_ptr_array_add(heap, packet);
    while (at > 0 && is_before(packet, heap->pdata[(at - 1) / 2])) {
        heap->pdata[at] = heap->pdata[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->pdata[at] = packet;
}

static Packet *heap_pop(GPtrArray *heap)
{
    Packet *top = heap->pdata[0], *last = heap->pdata[heap->len - 1];
    guint at = 0, length = heap->len - 1;

    for (guint child = 1; child < length; child = 2 * at + 1) {
        if (child + 1 < length && is_before(heap->pdata[child + 1], heap->pdata[child]))
            child++;
        if (!is_before(heap->pdata[child], last))
            break;
        heap->pdata[at] = heap->pdata[child];
        at = child;
    }
    heap->pdata[at] = last;
    g_ptr_array_set_size(heap, length);
    return top;
}

/* ---- packets ---- */

static Packet *packet_new(void)
{
    if (spare->len > 0)
        return g_ptr_array_steal_index_fast(spare, spare->len - 1);
    return g_malloc(sizeof(Packet) + HEADER + (gsize) options.mtu);
}

/*
 * The rate is a transmitter with a queue before it: free_at says how much waits
 * there. False: it does not fit.
 */
static bool transmit(Direction *direction, gint64 now, gsize length)
{
    double ns_per_byte = options.rate > 0 ? 8e3 / options.rate : 0;
    gsize waiting;

    direction->free_at = MAX(direction->free_at, now);
    if (ns_per_byte == 0)
        return direction->held + length <= HELD_MAX;
    waiting = (gsize) ((double) (direction->free_at - now) / ns_per_byte) + length;
    if (waiting > (gsize) (options.queue * 1024))
        return false;
    direction->queue_high = MAX(direction->queue_high, waiting);
    direction->free_at += (gint64) ((double) length * ns_per_byte);
    return true;
}

static void take(Direction *direction, Packet *packet, gint64 now)
{
    gsize length = packet->length - HEADER;

    packet->number = ++direction->received;
    direction->received_bytes += length;
    if (chance(direction, packet->number, 0) * 100 < options.loss) {
        direction->lost++;
        g_ptr_array_add(spare, packet);
    } else if (!transmit(direction, now, length)) {
        direction->overflowed++;
        g_ptr_array_add(spare, packet);
    } else {
        packet->due = direction->free_at + ns_of_ms(options.delay) +
                      ns_of_ms(chance(direction, packet->number, 1) * options.jitter);
        packet->due = direction->last_due = MAX(packet->due, direction->last_due);
        if (chance(direction, packet->number, 2) * 100 < options.reorder) {
            packet->due += ns_of_ms(options.late);
            direction->late++;
        }
        direction->held += length;
        heap_push(direction->heap, packet);
    }
}

static void receive(Direction *direction)
{
    gint64 now = now_ns();

    for (guint i = 0; i < BATCH; i++) {
        Packet *packet = packet_new();
        ssize_t n = read(direction->from, packet->bytes, HEADER + (gsize) options.mtu);

        if (n <= (ssize_t) HEADER) {
            g_ptr_array_add(spare, packet);
            if (n < 0 && errno != EAGAIN && errno != EINTR)
                die(direction->name);
            break;
        }
        packet->length = n;
        take(direction, packet, now);
    }
}

static void deliver(Direction *direction)
{
    gint64 now = now_ns();

    while (direction->heap->len > 0 && ((Packet *) direction->heap->pdata[0])->due <= now + EARLY) {
        Packet *packet = heap_pop(direction->heap);
        gsize length = packet->length - HEADER;

        direction->held -= length;
        if (packet->number < direction->last_delivered)
            direction->reordered++;
        direction->last_delivered = MAX(packet->number, direction->last_delivered);
        direction->tardy = MAX(direction->tardy, now - packet->due);
        if (write(direction->to, packet->bytes, packet->length) == (ssize_t) packet->length) {
            direction->delivered++;
            direction->delivered_bytes += length;
        } else {
            direction->refused++; /* the interface is down, say */
        }
        g_ptr_array_add(spare, packet);
    }
}

static void print_figures(void)
{
    for (guint i = 0; i < 2; i++) {
        const Direction *d = &directions[i];

        printf("{\"direction\": \"%s\", \"received\": %" G_GUINT64_FORMAT
               ", \"received_bytes\": %" G_GUINT64_FORMAT ", \"delivered\": %" G_GUINT64_FORMAT
               ", \"delivered_bytes\": %" G_GUINT64_FORMAT ", \"lost\": %" G_GUINT64_FORMAT
               ", \"overflowed\": %" G_GUINT64_FORMAT ", \"late\": %" G_GUINT64_FORMAT
               ", \"reordered\": %" G_GUINT64_FORMAT ", \"refused\": %" G_GUINT64_FORMAT
               ", \"queue_high\": %" G_GSIZE_FORMAT ", \"tardy_us\": %" G_GINT64_FORMAT "}\n",
               d->name, d->received, d->received_bytes, d->delivered, d->delivered_bytes, d->lost,
               d->overflowed, d->late, d->reordered, d->refused, d->queue_high, d->tardy / 1000);
    }
    fflush(stdout);
}

/* ---- options ---- */

static bool set_option(const char *name, const char *text)
{
    char *end;
    double value = g_ascii_strtod(text, &end);

    for (gsize i = 0; i < G_N_ELEMENTS(option_table); i++) {
        if (strcmp(name, option_table[i].name) != 0)
            continue;
        if (end == text || *end || !(value >= option_table[i].min && value <= option_table[i].max))
            return false;
        *option_table[i].value = value;
        take_seed();
        return true;
    }
    return false;
}

static void obey(char *line)
{
    char *space = strchr(line, ' ');

    if (strcmp(line, "figures") == 0) {
        print_figures();
        return;
    }
    if (space)
        *space = '\0';
    if (!space || strcmp(line, "mtu") == 0 || !set_option(line, space + 1))
        fprintf(stderr, "link: what is \"%s%s%s\"?\n", line, space ? " " : "",
                space ? space + 1 : "");
}

/* False: standard input has ended. */
static bool read_commands(void)
{
    static char text[4096];
    static gsize used;
    ssize_t n = read(STDIN_FILENO, text + used, sizeof text - 1 - used);
    char *line = text, *end;

    if (n <= 0)
        return n < 0 && errno == EINTR;
    used += n;
    text[used] = '\0';
    while ((end = strchr(line, '\n'))) {
        *end = '\0';
        obey(line);
        line = end + 1;
    }
    used = strlen(line);
    memmove(text, line, used);
    return used < sizeof text - 1;
}

/* ---- interfaces ---- */

static int open_tun(const char *namespace, const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    int space = open(namespace, O_RDONLY | O_CLOEXEC), fd, control;

    if (space < 0 || setns(space, CLONE_NEWNET) < 0)
        die(namespace);
    close(space);
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) < 0)
        die("/dev/net/tun");
    control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_mtu = (int) options.mtu;
    if (control < 0 || ioctl(control, SIOCSIFMTU, &request) < 0)
        die("SIOCSIFMTU");
    request.ifr_qlen = TUN_QUEUE;
    if (ioctl(control, SIOCSIFTXQLEN, &request) < 0)
        die("SIOCSIFTXQLEN");
    close(control);
    return fd;
}

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* False: we have been asked to end. */
static bool read_signal(int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof info) != sizeof info)
        return true;
    if (info.ssi_signo == SIGUSR1)
        print_figures();
    return info.ssi_signo == SIGUSR1;
}

/* ---- the loop ---- */

/* Until the next packet is due; NULL: there is none. */
static const struct timespec *time_left(struct timespec *left)
{
    gint64 due = G_MAXINT64, wait;

    for (guint i = 0; i < 2; i++) {
        if (directions[i].heap->len > 0)
            due = MIN(due, ((Packet *) directions[i].heap->pdata[0])->due);
    }
    if (due == G_MAXINT64)
        return NULL;
    wait = due - now_ns();
    wait = MAX(wait, 0);
    left->tv_sec = wait / 1000000000;
    left->tv_nsec = wait % 1000000000;
    return left;
}

static void run(int signals)
{
    struct pollfd fds[] = {
        {directions[0].from, POLLIN, 0},
        {directions[1].from, POLLIN, 0},
        {STDIN_FILENO, POLLIN, 0},
        {signals, POLLIN, 0},
    };

    for (;;) {
        struct timespec left;

        if (ppoll(fds, G_N_ELEMENTS(fds), time_left(&left), NULL) < 0 && errno != EINTR)
            die("ppoll");
        /* What is sent after a command is treated as the command says. */
        if ((fds[2].revents && !read_commands()) || (fds[3].revents && !read_signal(signals)))
            return;
        for (guint i = 0; i < 2; i++) {
            if (fds[i].revents)
                receive(&directions[i]);
            deliver(&directions[i]);
        }
    }
}

int main(int argc, char **argv)
{
    const char *names[2] = {"path0", "path0"};
    int at = 1, signals;

    for (; at + 1 < argc && g_str_has_prefix(argv[at], "--"); at += 2) {
        if (strcmp(argv[at], "--left-name") == 0)
            names[0] = argv[at + 1];
        else if (strcmp(argv[at], "--right-name") == 0)
            names[1] = argv[at + 1];
        else if (!set_option(argv[at] + 2, argv[at + 1]))
            break;
    }
    if (argc - at != 2 || g_str_has_prefix(argv[at], "--")) {
        fprintf(stderr, "usage: link [--OPTION VALUE]… LEFT-NAMESPACE RIGHT-NAMESPACE\n");
        return 2;
    }
    take_seed();
    spare = g_ptr_array_new();
    for (guint i = 0; i < 2; i++) {
        directions[i].from = directions[1 - i].to = open_tun(argv[at + i], names[i]);
        directions[i].heap = g_ptr_array_new();
    }
    signals = open_signals();
    /* Delays are to be ours, not the scheduler's. */
    prctl(PR_SET_TIMERSLACK, 1);
    setpriority(PRIO_PROCESS, 0, -15);
    puts("ready");
    fflush(stdout);
    run(signals);
    print_figures();
    return 0;
}
