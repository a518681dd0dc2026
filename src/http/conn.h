/* Inside of the server: connections and their requests. For the files of this folder only.
 *
 * A conn reads heads and bodies from its sock, makes one http_request at a time, and frees itself.
 * Two rules keep it safe:
 * - A request may end inside any callback; after a callback nobody uses the request again, only
 *   `conn->req`, which is NULL when it ended.
 * - A conn is freed in conn_settle() and nowhere else, the last statement of whatever the loop
 *   called. Calls of handlers only change state and conn_touch() it. */
#pragma once

#include "http/h1.h"
#include "http/request.h"
#include "http/router.h"
#include "http/sock.h"

typedef struct conn conn;

enum {
    HIGH_WATER = 256 * 1024,  /* http_send() says FULL above this */
    BURST = 1024 * 1024,      /* ... and after so much, until the loop has turned */
    DROP_AT_MOST = 64 * 1024, /* an unread body up to this is read to keep the connection */
    LINGER_AT_MOST = 1024 * 1024,
    HELD_MAX = 256 * 1024, /* a head and two reads at most; more cannot come while paused */
};

struct listener {
    http_server *server;
    int fd;
    int port;
    char *unix_path; /* to unlink; NULL for TCP and adopted sockets */
    struct event event;
    struct listener *next;
};

struct http_server {
    loop *l;
    http_server_options options;
    http_limits limits;
    router *routes;
    struct listener *listeners; /* in order of listening */
    conn *conns;
    http_server_counts counts;
    bool accepting;
    timer *accept_again; /* after file descriptors ran out */

    bool draining;
    int n_working; /* connections that a drain waits for: all but lingering ones */
    timer *drain_deadline;
    later drained;
    loop_fn *drain_done;
    void *drain_arg;

    struct upstream_pool *upstreams; /* of proxied requests; NULL before the first */

    buf head; /* scratch for reply heads */
    int64_t date_second;
    char date[32];
};

enum conn_state {
    CONN_OPEN,
    CONN_FLUSHING,  /* writes what is pending, then lingers */
    CONN_LINGERING, /* said that no more comes; drops what still arrives */
    CONN_DEAD,      /* to be freed by the next conn_settle() */
};

enum deadline {
    DEADLINE_NONE,
    DEADLINE_IDLE,
    DEADLINE_HEAD,
    DEADLINE_BODY,
    DEADLINE_WRITE,
    DEADLINE_LINGER,
};

/* The body that is coming in; stays with the connection when the request ends before it. */
struct body_in {
    enum h1_framing framing;
    uint64_t left; /* H1_LENGTH */
    h1_chunks chunks;
    bool done;
};

struct conn {
    http_server *server;
    sock sock;
    enum conn_state state;
    bool busy; /* inside one of its callbacks: conn_settle() follows */
    bool peer_left;
    bool working; /* counted in n_working */
    http_request *req;
    struct body_in body;
    buf held;    /* bytes that nobody could use yet */
    size_t seen; /* of held: searched for the end of a head */
    uint64_t n_requests;
    uint64_t lingered;
    later touch;

    enum deadline deadline;
    int64_t deadline_us, armed_us; /* armed_us: 0 when the event is not pending */
    uint64_t deadline_mark;        /* what must change for the deadline to move */
    uint64_t body_bytes;           /* body bytes so far, for the least rate */
    struct event timer;

    struct sockaddr_in6 peer; /* also holds AF_INET and AF_UNIX */
    conn *next, *previous;
};

enum body_use { BODY_UNUSED, BODY_WHOLE, BODY_STREAM };

enum reply_state { REPLY_NONE, REPLY_BEGUN, REPLY_ENDED };

enum reply_framing {
    REPLY_LENGTH,
    REPLY_CHUNKED,
    REPLY_RAW,    /* until close: HTTP/1.0, tunnels */
    REPLY_NOBODY, /* HEAD, 204, 304: what is sent is dropped */
};

struct http_request {
    conn *conn;
    http_server *server;
    int64_t started_us;
    void *user;
    arena *arena;
    router_match match;

    enum body_use body_use;
    bool body_paused, body_ended; /* ended: fn or sink->end was called */
    uint64_t body_max, bytes_in;
    http_body_fn *body_fn;
    http_sink sink;
    void *body_arg;
    buf body;

    enum reply_state reply;
    enum reply_framing reply_framing;
    bool keep_alive;
    bool full; /* http_send() said FULL and on_room was not called since */
    int status;
    uint64_t reply_left, bytes_out;
    uint64_t burst; /* sent since there was last room to ask for */
    buf headers;    /* "Name: value\r\n" lines */

    loop_fn *gone, *room;
    void *gone_arg, *room_arg;

    char peer[SOCK_NAME];
    h1_head head;
    char *decoded; /* second half of bytes: decoded path parts */
    char bytes[];  /* the head as it came, then as much again */
};

/* Takes an accepted socket. */
void conn_open(http_server *s, int fd, const struct sockaddr_storage *peer);

/* Whether a request is there or half there. */
bool conn_is_idle(const conn *c);

/* Has conn_settle() called soon: at the end of the current callback or in the next turn. */
void conn_touch(conn *c);

/* Ends a connection from outside of its callbacks, its request with on_gone. Frees it. */
void conn_cut(conn *c);

/* Tells the client that a body is welcome, if it waits for that. */
void conn_send_continue(conn *c);

/* Everything that comes from now on is raw bytes for the sink (behind a 101 reply). */
void conn_tunnel(http_request *req, const http_sink *sink, void *arg);

/* The request is over: calls `finished`, detaches and frees it. status: for the summary.
 * keep: the connection may serve another one. */
void request_finish(http_request *req, int status, bool keep);

/* The request cannot go on because of the client: on_gone, then an error reply, or a cut when the
 * reply had begun. */
void request_refuse(http_request *req, int status, const char *message);

/* Makes a request of the complete head at the start of bytes, or one that only stands for an error
 * reply (bytes.n == 0). NULL and *e when the head is malformed. */
http_request *request_new(conn *c, str head, h1_error *e);
void request_free(http_request *req);

/* Hands a piece of the body to whoever takes it; the end. The request may be gone afterwards. */
bool request_body_too_large(http_request *req); /* true: it was refused */
void request_body_bytes(http_request *req, str bytes);
void request_body_end(http_request *req);

/* Sets a reply header unless it is set already (what the upstream of a proxy says). */
void reply_header_default(http_request *req, str name, str value);

/* Told by connections: one was freed; n_working has become smaller. */
void server_conn_closed(http_server *s);
void server_worked(http_server *s);
struct upstream_pool *server_upstreams(http_server *s);
