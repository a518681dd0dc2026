/* OpenSSL's digests behind small functions; table hashing is a multiply-and-fold over 8-byte words.
 */
#include "base/hash.h"
#include "base/memory.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <sys/random.h>
#include <sys/stat.h>

struct sha256 {
    EVP_MD_CTX *context;
};

static void to_hex(const unsigned char *digest, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * n] = '\0';
}

sha256 *sha256_new(void)
{
    sha256 *h = xcalloc(1, sizeof *h);
    h->context = EVP_MD_CTX_new();
    if (!h->context || !EVP_DigestInit_ex(h->context, EVP_sha256(), NULL))
        abort();
    return h;
}

void sha256_add(sha256 *h, const void *bytes, size_t n)
{
    EVP_DigestUpdate(h->context, bytes, n);
}

void sha256_end(sha256 *h, char out[SHA256_HEX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_DigestFinal_ex(h->context, digest, &n);
    to_hex(digest, n, out);
    EVP_MD_CTX_free(h->context);
    free(h);
}

void sha256_hex(str bytes, char out[SHA256_HEX])
{
    sha256 *h = sha256_new();
    sha256_add(h, bytes.p, bytes.n);
    sha256_end(h, out);
}

static bool digest_file(const char *path, const EVP_MD *kind, bool git_blob, char *out, error *e)
{
    own_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return fail_errno(e, ERR_IO, "cannot open '%s'", path);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || !EVP_DigestInit_ex(context, kind, NULL))
        abort();
    if (git_blob) {
        char head[40];
        int n = snprintf(head, sizeof head, "blob %lld", (long long)info.st_size);
        EVP_DigestUpdate(context, head, (size_t)n + 1);
    }
    own_mem char *block = xmalloc(1 << 18);
    ssize_t got;
    while ((got = read(fd, block, 1 << 18)) > 0 || (got < 0 && errno == EINTR))
        if (got > 0)
            EVP_DigestUpdate(context, block, (size_t)got);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_DigestFinal_ex(context, digest, &n);
    EVP_MD_CTX_free(context);
    if (got < 0)
        return fail_errno(e, ERR_IO, "cannot read '%s'", path);
    to_hex(digest, n, out);
    return true;
}

bool sha256_file(const char *path, char out[SHA256_HEX], error *e)
{
    return digest_file(path, EVP_sha256(), false, out, e);
}

bool sha1_git_blob_file(const char *path, char out[SHA1_HEX], error *e)
{
    return digest_file(path, EVP_sha1(), true, out, e);
}

void random_bytes(void *out, size_t n)
{
    char *p = out;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR)
            abort();
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t process_seed(void)
{
    static _Atomic uint64_t seed;
    uint64_t s = atomic_load_explicit(&seed, memory_order_relaxed);
    if (s)
        return s;
    uint64_t fresh = 0;
    random_bytes(&fresh, sizeof fresh);
    fresh |= 1;
    return atomic_compare_exchange_strong(&seed, &s, fresh) ? fresh : s;
}

uint64_t hash_bytes(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = process_seed() ^ n, word;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&word, p, 8);
        h = fold(h ^ word, 0x9E3779B97F4A7C15u);
    }
    word = 0;
    if (n)
        memcpy(&word, p, n);
    return fold(h ^ word, 0xD1B54A32D192ED03u);
}

bool equal_constant_time(str a, str b)
{
    return a.n == b.n && CRYPTO_memcmp(a.p, b.p, a.n) == 0;
}
