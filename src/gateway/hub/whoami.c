/* GET /api/whoami-v2: who a token belongs to. The server has one owner, its tokens are the owner's.
 */
#include "base/clock.h"
#include "gateway/handlers.h"

#include <pwd.h>
#include <unistd.h>

void get_whoami(http_request *req, gateway *g)
{
    store_token token;
    str sent = bearer_token(http_request_header(req, "Authorization"));
    if (!store_token_find(g->store, sent, &token)) {
        http_header(req, "X-Error-Message", "Invalid credentials in Authorization header");
        http_error(req, 401, "Invalid credentials in Authorization header");
        return;
    }
    char created[25];
    clock_iso(token.created_unix_ms, created);
    const struct passwd *user = getpwuid(getuid());
    const char *name = user && *user->pw_name ? user->pw_name : "owner";
    reply_json(req, 200,
               json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:b,s:n,s:s,s:[],s:{s:s,s:{s:s,s:s,s:s}}}",
                         "type", "user", "id", "000000000000000000000001", "name", name, "fullname",
                         name, "email", "", "emailVerified", 0, "isPro", 0, "canPay", 0,
                         "periodEnd", "avatarUrl", "/assets/logo.svg", "orgs", "auth", "type",
                         "access_token", "accessToken", "displayName", token.name, "role", "write",
                         "createdAt", created));
}
