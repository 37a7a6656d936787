#include "digest.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "scope.h"

/*
 * SHA-256 takes as long as sending or receiving the same bytes does. Behind the
 * first SMALL bytes a thread takes it over: the caller fills one of N_BLOCKS
 * while the thread hashes another, and each waits for the other only when all
 * are full or all are empty.
 */
#define SMALL	 ((uint64_t)4 << 20)
#define BLOCK	 ((size_t)128 << 10)
#define N_BLOCKS 32U

/* What is hashed at a time. */
struct content {
	size_t len;
	int fd; /* of a file, to be read into the block; -1: it is in memory */
	uint64_t offset;
	const void *bytes; /* somebody else's, who is told; NULL: it is in the block */
	void (*done)(void *ctx);
	void *ctx;
};

struct helper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint8_t *blocks;
	struct content contents[N_BLOCKS]; /* block number given is the caller's */
	unsigned given;			   /* blocks handed over so far */
	unsigned taken;			   /* blocks hashed so far */
	bool end;			   /* nothing comes behind block number given - 1 */
};

struct digest {
	EVP_MD_CTX *ctx;
	uint64_t len;
	int failed;	       /* errno */
	struct helper *helper; /* NULL: the caller hashes */
};

static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void must(int ok)
{
	if (!ok)
		abort();
}

static void fetch(void)
{
	/* openssl.cnf has nothing to say about a plain SHA-256, and takes long to read. */
	must(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256 != NULL);
}

void digest_prepare(void)
{
	pthread_once(&once, fetch);
}

struct digest *digest_new(void)
{
	struct digest *d = scope_alloc(1, sizeof(*d));

	digest_prepare();
	d->ctx = EVP_MD_CTX_new();
	must(d->ctx != NULL && EVP_DigestInit_ex(d->ctx, sha256, NULL) == 1);
	return d;
}

static uint8_t *block_of(const struct helper *h, unsigned number)
{
	return h->blocks + number % N_BLOCKS * BLOCK;
}

/* pread(2) of all of it. A file that has become shorter is an input/output error. */
static int read_file(const struct content *c, uint8_t *to)
{
	for (size_t done = 0; done < c->len;) {
		ssize_t n = pread(c->fd, to + done, c->len - done, (off_t)(c->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		done += (size_t)n;
	}
	return 0;
}

static void hash_content(struct digest *d, const struct content *c, uint8_t *block)
{
	if (d->failed == 0 && c->fd >= 0)
		d->failed = read_file(c, block);
	if (d->failed == 0)
		must(EVP_DigestUpdate(d->ctx, c->bytes != NULL ? c->bytes : block, c->len) == 1);
	if (c->done != NULL)
		c->done(c->ctx);
}

static void *hash_blocks(void *arg)
{
	struct digest *d = arg;
	struct helper *h = d->helper;

	pthread_mutex_lock(&h->lock);
	for (;;) {
		while (h->taken == h->given && !h->end)
			pthread_cond_wait(&h->changed, &h->lock);
		if (h->taken == h->given)
			break;
		pthread_mutex_unlock(&h->lock);
		hash_content(d, &h->contents[h->taken % N_BLOCKS], block_of(h, h->taken));
		pthread_mutex_lock(&h->lock);
		h->taken++;
		pthread_cond_signal(&h->changed);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* Without another thread to be had, the caller goes on alone. */
static void start_helper(struct digest *d)
{
	struct helper *h = scope_alloc(1, sizeof(*h));

	h->blocks = scope_alloc(N_BLOCKS, BLOCK);
	h->contents[0].fd = -1;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, NULL);
	d->helper = h;
	if (pthread_create(&h->thread, NULL, hash_blocks, d) == 0)
		return;
	free(h->blocks);
	free(h);
	d->helper = NULL;
}

/* The caller's block is the thread's now; wait until there is another one to fill. */
static void hand_over(struct helper *h)
{
	pthread_mutex_lock(&h->lock);
	h->given++;
	pthread_cond_signal(&h->changed);
	while (h->given - h->taken == N_BLOCKS)
		pthread_cond_wait(&h->changed, &h->lock);
	pthread_mutex_unlock(&h->lock);
	h->contents[h->given % N_BLOCKS] = (struct content){ .fd = -1 };
}

static void flush(struct helper *h)
{
	if (h->contents[h->given % N_BLOCKS].len > 0)
		hand_over(h);
}

static void add_to_blocks(struct helper *h, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		struct content *c = &h->contents[h->given % N_BLOCKS];
		size_t n = BLOCK - c->len < len ? BLOCK - c->len : len;

		memcpy(block_of(h, h->given) + c->len, bytes, n);
		c->len += n;
		bytes += n;
		len -= n;
		if (c->len == BLOCK)
			hand_over(h);
	}
}

static void stop_helper(struct digest *d)
{
	struct helper *h = d->helper;

	if (h == NULL)
		return;
	flush(h);
	pthread_mutex_lock(&h->lock);
	h->end = true;
	pthread_cond_signal(&h->changed);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(h->blocks);
	free(h);
	d->helper = NULL;
}

static void count(struct digest *d, size_t len)
{
	if (d->helper == NULL && d->len < SMALL && d->len + len >= SMALL)
		start_helper(d);
	d->len += len;
}

void digest_add(struct digest *d, const void *bytes, size_t len)
{
	count(d, len);
	if (d->helper != NULL)
		add_to_blocks(d->helper, bytes, len);
	else
		must(EVP_DigestUpdate(d->ctx, bytes, len) == 1);
}

/* Hashed now, in this buffer if need be, or by the thread, behind what it has already. */
static void add_content(struct digest *d, const struct content *c, uint8_t *buf)
{
	if (d->helper == NULL) {
		hash_content(d, c, buf);
		return;
	}
	flush(d->helper);
	d->helper->contents[d->helper->given % N_BLOCKS] = *c;
	hand_over(d->helper);
}

void digest_add_block(struct digest *d, const void *bytes, size_t len, void (*done)(void *ctx),
		      void *ctx)
{
	struct content c = { .len = len, .fd = -1, .bytes = bytes, .done = done, .ctx = ctx };

	count(d, len);
	add_content(d, &c, NULL);
}

void digest_add_file(struct digest *d, int fd, uint64_t offset, size_t len)
{
	uint8_t buf[BLOCK / 2];

	count(d, len);
	while (len > 0) {
		struct content c = { .len = len < sizeof(buf) ? len : sizeof(buf),
				     .fd = fd,
				     .offset = offset };

		add_content(d, &c, buf);
		offset += c.len;
		len -= c.len;
	}
}

int digest_end(struct digest *d, uint8_t ret_hash[DIGEST_LEN])
{
	stop_helper(d);
	must(EVP_DigestFinal_ex(d->ctx, ret_hash, NULL) == 1);
	return d->failed;
}

void digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	stop_helper(d);
	EVP_MD_CTX_free(d->ctx);
	free(d);
}
