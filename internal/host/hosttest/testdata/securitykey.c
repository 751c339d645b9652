/*
 * A security key in software, for tests: it speaks the interface by which
 * OpenSSH loads such keys (PROTOCOL.u2f, sk-api.h, version 10) and keeps no
 * secret. The key handle, which ssh stores and brings along, is the private key.
 * It wants no touch; a key made to want a PIN gets one, which is 1234.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

enum { VERSION = 0x000a0000 };
enum { ECDSA_P256 = 0, ED25519 = 1 };
enum { PRESENCE = 0x01, VERIFICATION = 0x04 };
enum { ERR_GENERAL = -1, ERR_UNSUPPORTED = -2, ERR_PIN_REQUIRED = -3 };

struct enroll_response {
	uint8_t flags;
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};

struct sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r;
	size_t sig_r_len;
	uint8_t *sig_s;
	size_t sig_s_len;
};

uint32_t sk_api_version(void) { return VERSION; }

static int wrong_pin(uint8_t flags, const char *pin)
{
	return (flags & VERIFICATION) && (pin == NULL || strcmp(pin, "1234") != 0);
}

static size_t encode_public(uint32_t alg, EVP_PKEY *key, uint8_t **out)
{
	unsigned char *point = NULL;
	size_t len = 32;
	if (alg == ECDSA_P256) {
		len = EVP_PKEY_get1_encoded_public_key(key, &point);
		if (len > 0 && (*out = malloc(len)) != NULL)
			memcpy(*out, point, len);
		OPENSSL_free(point);
	} else if ((*out = malloc(len)) != NULL) {
		EVP_PKEY_get_raw_public_key(key, *out, &len);
	}
	return *out == NULL ? 0 : len;
}

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application,
    uint8_t flags, const char *pin, void *options, struct enroll_response **response)
{
	struct enroll_response *r;
	EVP_PKEY *key;
	int len;

	if (alg != ECDSA_P256 && alg != ED25519)
		return ERR_UNSUPPORTED;
	if (wrong_pin(flags, pin))
		return ERR_PIN_REQUIRED;
	key = alg == ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (key == NULL || (r = calloc(1, sizeof(*r))) == NULL)
		return ERR_GENERAL;
	r->flags = flags;
	r->public_key_len = encode_public(alg, key, &r->public_key);
	len = i2d_PrivateKey(key, NULL);
	if (len > 0 && (r->key_handle = malloc(len)) != NULL) {
		unsigned char *end = r->key_handle;
		r->key_handle_len = i2d_PrivateKey(key, &end);
	}
	EVP_PKEY_free(key);
	*response = r;
	return r->public_key_len > 0 && r->key_handle_len > 0 ? 0 : ERR_GENERAL;
}

/* Splits an ECDSA signature into its two numbers. */
static int split(const unsigned char *der, size_t len, struct sign_response *r)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, len);
	if (sig == NULL)
		return ERR_GENERAL;
	r->sig_r_len = BN_num_bytes(ECDSA_SIG_get0_r(sig));
	r->sig_s_len = BN_num_bytes(ECDSA_SIG_get0_s(sig));
	r->sig_r = malloc(r->sig_r_len);
	r->sig_s = malloc(r->sig_s_len);
	if (r->sig_r != NULL && r->sig_s != NULL) {
		BN_bn2bin(ECDSA_SIG_get0_r(sig), r->sig_r);
		BN_bn2bin(ECDSA_SIG_get0_s(sig), r->sig_s);
	}
	ECDSA_SIG_free(sig);
	return r->sig_r != NULL && r->sig_s != NULL ? 0 : ERR_GENERAL;
}

int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application,
    const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin, void *options,
    struct sign_response **response)
{
	/* What is signed: the application, the flags, a counter and the data. */
	unsigned char text[SHA256_DIGEST_LENGTH + 1 + 4 + SHA256_DIGEST_LENGTH] = {0};
	unsigned char sig[256];
	size_t sig_len = sizeof(sig);
	struct sign_response *r;
	EVP_PKEY *key;
	EVP_MD_CTX *ctx;
	int ok;

	if (wrong_pin(flags, pin))
		return ERR_PIN_REQUIRED;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return ERR_GENERAL;
	r->flags = flags & (PRESENCE | VERIFICATION);
	r->counter = 7;
	SHA256((const unsigned char *)application, strlen(application), text);
	text[SHA256_DIGEST_LENGTH] = r->flags;
	text[SHA256_DIGEST_LENGTH + 4] = r->counter;
	SHA256(data, data_len, text + SHA256_DIGEST_LENGTH + 5);

	key = d2i_AutoPrivateKey(NULL, &key_handle, key_handle_len);
	ctx = EVP_MD_CTX_new();
	ok = key != NULL && ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, alg == ED25519 ? NULL : EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, sig, &sig_len, text, sizeof(text)) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	*response = r;
	if (!ok)
		return ERR_GENERAL;
	if (alg == ECDSA_P256)
		return split(sig, sig_len, r);
	if ((r->sig_r = malloc(sig_len)) == NULL)
		return ERR_GENERAL;
	memcpy(r->sig_r, sig, sig_len);
	r->sig_r_len = sig_len;
	return 0;
}

int sk_load_resident_keys(const char *pin, void *options, void *keys, size_t *count)
{
	return ERR_UNSUPPORTED;
}
