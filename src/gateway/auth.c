#include "gateway/auth.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_LENGTH = 255 };

/* Host without port and brackets. False for what cannot be a host. */
static bool split_host(str host, char out[NAME_MAX_LENGTH + 1])
{
    str name = host;
    if (host.n && host.p[0] == '[') {
        const char *close = memchr(host.p, ']', host.n);
        if (!close)
            return false;
        name = (str){host.p + 1, (size_t)(close - host.p - 1)};
    } else {
        const char *colon = host.n ? memchr(host.p, ':', host.n) : NULL;
        if (colon)
            name.n = (size_t)(colon - host.p);
    }
    if (name.n == 0 || name.n > NAME_MAX_LENGTH || memchr(name.p, '\0', name.n))
        return false;
    snprintf(out, NAME_MAX_LENGTH + 1, "%.*s", (int)name.n, name.p);
    if (name.n > 1 && out[name.n - 1] == '.')
        out[name.n - 1] = '\0'; /* "localhost." is the same name */
    return true;
}

/* -1: no address; 0: an address; 1: a loopback address. */
static int address_kind(const char *name)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, name, &four) == 1)
        return (ntohl(four.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, name, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
    return -1;
}

static bool ends_with_fold(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcasecmp(text + n - m, suffix) == 0;
}

bool host_allowed(const host_rules *rules, str host)
{
    char name[NAME_MAX_LENGTH + 1];
    if (!split_host(host, name))
        return false;
    int kind = address_kind(name);
    if (kind == 1 || (kind == 0 && rules->any_address))
        return true;
    if (strcasecmp(name, "localhost") == 0 || ends_with_fold(name, ".localhost"))
        return true;
    for (int i = 0; i < rules->n_names; i++)
        if (strcmp(rules->names[i], "*") == 0 || strcasecmp(rules->names[i], name) == 0)
            return true;
    return false;
}

bool address_is_local(const char *address)
{
    char name[NAME_MAX_LENGTH + 1];
    if (strncmp(address, "unix:", 5) == 0)
        return true;
    return split_host(str_of(address), name) &&
           (address_kind(name) == 1 || strcasecmp(name, "localhost") == 0);
}

bool origin_is_own(str origin, str host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        str scheme = str_of(schemes[i]);
        if (str_starts(origin, scheme) && origin.n == scheme.n + host.n && host.n &&
            strncasecmp(origin.p + scheme.n, host.p, host.n) == 0)
            return true;
    }
    return false;
}

str bearer_token(str authorization)
{
    if (!authorization.p)
        return (str){0};
    str rest = {authorization.p, 0};
    if (authorization.n < 7 || strncasecmp(authorization.p, "Bearer ", 7) != 0)
        return rest;
    rest = str_skip(authorization, 7);
    while (rest.n && rest.p[0] == ' ')
        rest = str_skip(rest, 1);
    return rest;
}
