/* Who may ask: host names (against DNS rebinding), origins of browsers, tokens. Decisions on texts;
 * the hooks that apply them are in gateway.c. */
#pragma once

#include "base/error.h"
#include "base/str.h"

enum { AUTH_HOSTS = 64 };

/* Names by which this server may be asked. */
typedef struct host_rules {
    bool any_address;              /* every IP address literal: listens on other than loopback */
    const char *names[AUTH_HOSTS]; /* --allow-host, without ports; "*" allows every name */
    int n_names;
} host_rules;

/* Whether a Host header may be answered: localhost and names below it, loopback addresses, the
 * allowed names, with any port. An attacker's page reaches a loopback server only under the
 * attacker's own name. */
bool host_allowed(const host_rules *rules, str host);

/* Whether "127.0.0.1:80", "[::1]:0" or "unix:/path" can be reached from this machine only. */
bool address_is_local(const char *address);

/* Whether a browser's Origin ("https://a:8080") is the server that the Host header names. */
bool origin_is_own(str origin, str host);

/* The token of "Bearer hf_..."; p == NULL when there is no such header, n == 0 when it has another
 * scheme or no token. */
str bearer_token(str authorization);
