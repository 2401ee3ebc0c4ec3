/* Models' files -> configurations. The files in models/ have the field names and values that models
 * of these names have. What this version of gen/ does not have is expected to be said, and what it
 * has to be selected: so the tests hold before and after it learns a field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/precompile/file.h"
#include "tools/precompile/model.h"

typedef struct fixture {
    selection s;
    model_serving serving;
    char why[MODEL_ERROR_MAX];
} fixture;

static bool set(bool (*setter)(const cli_option *, const char *, void *), axis *a, const char *list)
{
    return setter(NULL, list, a);
}

static fixture *begin(void)
{
    fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_true(set(axis_set_arch, &f->serving.arch, "gfx942"));
    return f;
}

static void end(fixture *f)
{
    model_serving *s = &f->serving;
    axis *all[] = { &s->arch, &s->dtype, &s->lse, &s->tp, &s->phase, &s->page_size, &s->kv_dtype,
                    &s->rotary };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        axis_free(all[i]);
    selection_free(&f->s);
    free(f);
}

static bool derive(fixture *f, const char *json)
{
    return model_select(&f->s, "m", json, strlen(json), &f->serving, f->why);
}

static fixture *derive_file(const char *name, const char *phases)
{
    char path[512], error[FILE_ERROR_MAX], *json;
    size_t size;
    fixture *f = begin();

    snprintf(path, sizeof path, MODELS_DIR "/%s.json", name);
    assert_true(file_read(path, MODEL_MAX, &json, &size, error));
    assert_true(set(axis_set_phase, &f->serving.phase, phases));
    if (!model_select(&f->s, name, json, size, &f->serving, f->why))
        fail_msg("%s: %s", name, f->why);
    free(json);
    return f;
}

static bool knows(const char *fields)
{
    char text[GEN_TEXT_MAX], why[GEN_ERROR_MAX];
    gen_config config;

    snprintf(text, sizeof text, "fmha_fwd arch=gfx942 dtype=bf16 hdqk=128 mask=causal %s", fields);
    return gen_config_parse(text, &config, why);
}

/* Fields of decode have rows, those of appending no mask, those of merging no hdqk either. */
static const char *operation_of(const char *fields)
{
    if (strstr(fields, "hdqk=") && !strstr(fields, "mask="))
        return "kv_append";
    return strstr(fields, "rows=") ? "fmha_decode" : strstr(fields, "hdqk=") ? "fmha_fwd"
                                                                             : "merge_splits";
}

static bool selected_text(const fixture *f, const char *fields)
{
    char text[GEN_TEXT_MAX], why[GEN_ERROR_MAX];
    gen_config config;

    snprintf(text, sizeof text, "%s arch=gfx942 %s", operation_of(fields), fields);
    if (!gen_config_parse(text, &config, why))
        return false;
    gen_config_print(&config, text);
    for (size_t i = 0; i < f->s.count; i++)
        if (strcmp(f->s.items[i].text, text) == 0)
            return true;
    return false;
}

static bool lacks(const fixture *f, const char *what)
{
    for (size_t i = 0; i < f->s.num_lacking; i++)
        if (strstr(f->s.lacking[i].what, what)) {
            assert_true(f->s.lacking[i].why[0] != '\0');
            return true;
        }
    return false;
}

/* Selected if gen/ has `fields`, said to be lacking under the name `what` otherwise. */
static void expect(const fixture *f, const char *base, const char *fields, const char *what)
{
    char text[GEN_TEXT_MAX];

    snprintf(text, sizeof text, "%s %s", base, fields);
    if (knows(fields))
        assert_true(selected_text(f, text));
    else
        assert_true(lacks(f, what));
}

#define MODEL_IN(heads, kv, dtype) \
    "{\"num_attention_heads\": " heads ", \"num_key_value_heads\": " kv ", \"head_dim\": 128, " \
    "\"dtype\": \"" dtype "\"}"
#define MODEL(heads, kv) MODEL_IN(heads, kv, "float16")

/* ---- Models ---- */

/* Everything that a file without special attention gives in the prefill phase. */
static void test_plain_models(void **state)
{
    static const struct {
        const char *name, *fields[2];
    } models[] = {
        { "llama-3.1-70b", { "dtype=bf16 hdqk=128 mask=causal gqa=8" } },
        { "mistral-7b-v0.3", { "dtype=bf16 hdqk=128 mask=causal gqa=4" } },
        { "mixtral-8x7b", { "dtype=bf16 hdqk=128 mask=causal gqa=4" } },
        { "qwen2-7b", { "dtype=bf16 hdqk=128 mask=causal gqa=7" } },
        { "qwen3-8b", { "dtype=bf16 hdqk=128 mask=causal gqa=4" } },
        { "qwen3-next-80b", { "dtype=bf16 hdqk=256 mask=causal gqa=8" } },
        { "deepseek-v3", { "dtype=bf16 hdqk=192 hdv=128 mask=causal" } },
        { "falcon-7b", { "dtype=bf16 hdqk=64 mask=causal gqa=71" } },
        { "bert-base", { "dtype=fp32 hdqk=64 mask=none" } },
        { "llava-1.5-7b", { "dtype=fp16 hdqk=128 mask=causal", "dtype=fp16 hdqk=64 mask=none" } },
        { "qwen2-vl-7b",
          { "dtype=bf16 hdqk=128 mask=causal gqa=7", "dtype=bf16 hdqk=80 mask=none" } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        fixture *f = derive_file(models[i].name, "prefill");
        assert_int_equal(f->s.num_lacking, 0);
        assert_int_equal(f->s.count, models[i].fields[1] ? 2 : 1);
        for (int j = 0; j < 2 && models[i].fields[j]; j++)
            if (!selected_text(f, models[i].fields[j]))
                fail_msg("%s: no %s", models[i].name, models[i].fields[j]);
        end(f);
    }
}

/* Full and windowed layers are kinds of their own; a soft cap and sinks belong to both. */
static void test_special_models(void **state)
{
    static const struct {
        const char *name, *base, *full, *windowed, *what;
    } models[] = {
        { "mistral-7b-v0.1", "dtype=bf16 hdqk=128 mask=causal gqa=4", NULL, "window=left",
          "sliding_window=4096, 32 of 32 layers" },
        { "qwen2-windowed", "dtype=bf16 hdqk=128 mask=causal gqa=7", "", "window=left",
          "sliding_window=4096, 7 of 28 layers" },
        { "gemma-2-9b", "dtype=fp32 hdqk=256 mask=causal gqa=2", "softcap=1",
          "window=left softcap=1", "attn_logit_softcapping=50" },
        { "gemma-3-4b", "dtype=bf16 hdqk=256 mask=causal gqa=2", "", "window=left",
          "sliding_window=1024, 29 of 34 layers" },
        { "gpt-oss-20b", "dtype=bf16 hdqk=64 mask=causal gqa=8", "sink=1", "window=left sink=1",
          "model_type=gpt_oss" },
        { "bloom-7b", "dtype=fp16 hdqk=128 mask=causal gqa=1", "alibi=1", NULL, "ALiBi" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        fixture *f = derive_file(models[i].name, "prefill");
        if (models[i].full)
            expect(f, models[i].base, models[i].full, models[i].what);
        if (models[i].windowed)
            expect(f, models[i].base, models[i].windowed, models[i].what);
        end(f);
    }
}

/* Chunked layers have no kernel, the others have. */
static void test_chunked(void **state)
{
    fixture *f = derive_file("llama-4-scout", "prefill");

    (void)state;
    assert_true(lacks(f, "attention_chunk_size, 36 of 48 layers"));
    assert_true(selected_text(f, "dtype=bf16 hdqk=128 mask=causal gqa=5"));
    assert_string_equal(f->s.lacking[0].model, "llama-4-scout: text_config");
    end(f);
}

static void test_head_dim_of_its_own(void **state)
{
    fixture *f = derive_file("gemma-4-12b", "prefill");

    (void)state;
    expect(f, "dtype=bf16 hdqk=256 mask=causal gqa=2", "window=left", "sliding_window=1024");
    if (!selected_text(f, "dtype=bf16 hdqk=512 hdv=512 mask=causal gqa=16"))
        assert_true(lacks(f, "head_dim 512 and 512"));
    end(f);
}

/* Prompts have the expanded heads, decoding reads the latent vectors. */
static void test_latent_attention(void **state)
{
    fixture *f = derive_file("deepseek-v3", "prefill,decode");

    (void)state;
    assert_true(selected_text(f, "dtype=bf16 hdqk=192 hdv=128 mask=causal"));
    assert_int_equal(f->s.count, 1);
    assert_true(lacks(f, "kv_lora_rank=512 qk_rope_head_dim=64"));
    end(f);
}

static void test_phases(void **state)
{
    const char *base = "dtype=bf16 hdqk=128 mask=causal gqa=8";
    fixture *f = begin();
    char *json, error[FILE_ERROR_MAX];
    size_t size;

    (void)state;
    assert_true(set(axis_set_page_size, &f->serving.page_size, "16,64"));
    assert_true(set(axis_set_kv_dtype, &f->serving.kv_dtype, "auto,fp8"));
    assert_true(file_read(MODELS_DIR "/llama-3.1-70b.json", MODEL_MAX, &json, &size, error));
    assert_true(model_select(&f->s, "m", json, size, &f->serving, f->why));
    free(json);
    assert_true(selected_text(f, base));
    expect(f, base, "seqlens_q=cu seqlens_k=cu pack=1", "--phase varlen");
    assert_true(selected_text(f, "dtype=bf16 hdqk=128 mask=causal gqa=8 seqlens_k=used block_size=16 "
                                 "rows=16"));
    assert_true(selected_text(f, "dtype=bf16 hdqk=128 mask=causal gqa=8 seqlens_k=used block_size=64 "
                                 "rows=16"));
    assert_true(selected_text(f, "dtype=bf16 hdqk=128 mask=causal gqa=8 seqlens_k=used block_size=64 "
                                 "kv=fp8 rows=16"));
    assert_true(selected_text(f, "dtype=bf16 hdv=128"));
    expect(f, base, "seqlens_q=cu seqlens_k=used block_size=16 pack=1", "--phase chunked --page-size 16");
    expect(f, base, "seqlens_q=cu seqlens_k=used block_size=64 kv=fp8 pack=1", "--page-size 64");
    if (!knows("kv=fp8"))
        assert_true(lacks(f, "--kv-dtype fp8"));
    end(f);
}

/* One token of more heads than decode has rows for, or in fp32, is the forward kernel's. */
static void test_decode_rows(void **state)
{
    static const struct {
        const char *json, *fields;
        int count;
    } models[] = {
        { MODEL("64", "2"), "dtype=fp16 hdqk=128 mask=causal gqa=32 rows=32", 2 },
        { MODEL("66", "2"), "dtype=fp16 hdqk=128 mask=causal gqa=33 pack=1", 3 },
        { MODEL("66", "2"), "dtype=fp16 hdqk=128 mask=causal gqa=33 pack=1 splits=1", 3 },
        { MODEL_IN("16", "1", "float32"), "dtype=fp32 hdqk=128 mask=causal gqa=16", 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char fields[128];
        fixture *f = begin();
        assert_true(set(axis_set_phase, &f->serving.phase, "decode"));
        assert_true(set(axis_set_page_size, &f->serving.page_size, "32"));
        assert_true(derive(f, models[i].json));
        snprintf(fields, sizeof fields, "%s seqlens_k=used block_size=32", models[i].fields);
        assert_true(selected_text(f, fields));
        assert_int_equal(f->s.count, models[i].count);
        end(f);
    }
}

/* Only if asked for: a token's kernel, a prompt's, and the one that appends, in each rotation. */
static void test_append(void **state)
{
    static const char json[] = "{\"num_attention_heads\": 16, \"num_key_value_heads\": 2, "
                               "\"head_dim\": 128, \"partial_rotary_factor\": 0.25, "
                               "\"dtype\": \"bfloat16\"}";
    static const char base[] = "dtype=bf16 hdqk=128 mask=causal gqa=8 seqlens_k=used append=1";
    static const char *const rotary[] = { "", " rotary=half rotary_dim=32" };
    char fields[256];
    fixture *f = begin();

    (void)state;
    assert_true(set(axis_set_phase, &f->serving.phase, "append"));
    assert_true(set(axis_set_page_size, &f->serving.page_size, "64"));
    assert_true(set(axis_set_kv_dtype, &f->serving.kv_dtype, "auto,fp8"));
    assert_true(set(axis_set_rotary, &f->serving.rotary, "none,half"));
    assert_true(derive(f, json));
    for (int r = 0; r < 2; r++)
        for (int fp8 = 0; fp8 < 2; fp8++) {
            const char *kv = fp8 ? " kv=fp8" : "";
            snprintf(fields, sizeof fields, "%s block_size=64%s%s pack=1", base, kv, rotary[r]);
            assert_true(selected_text(f, fields));
            snprintf(fields, sizeof fields, "%s block_size=64%s%s rows=16", base, kv, rotary[r]);
            assert_true(selected_text(f, fields));
            snprintf(fields, sizeof fields, "dtype=bf16 hdqk=128 block_size=64%s%s", kv, rotary[r]);
            assert_true(selected_text(f, fields));
        }
    assert_true(selected_text(f, "dtype=bf16 hdv=128"));
    assert_int_equal(f->s.count, 2 * 2 * 3 + 1);
    end(f);
}

/* A part of head_dim that is no multiple of 16 is said to be one. */
static void test_rotary_dim(void **state)
{
    fixture *f = begin();

    (void)state;
    assert_true(set(axis_set_phase, &f->serving.phase, "append"));
    assert_true(set(axis_set_page_size, &f->serving.page_size, "64"));
    assert_true(set(axis_set_rotary, &f->serving.rotary, "half"));
    assert_true(derive(f, "{\"num_attention_heads\": 16, \"head_dim\": 80, \"rotary_dim\": 40, "
                          "\"dtype\": \"bfloat16\"}"));
    assert_int_equal(f->s.count, 0);
    assert_true(lacks(f, "--phase append --page-size 64 --rotary half"));
    end(f);
    f = begin();
    assert_false(derive(f, "{\"num_attention_heads\": 16, \"head_dim\": 80, "
                           "\"partial_rotary_factor\": 1.5, \"dtype\": \"bfloat16\"}"));
    assert_non_null(strstr(f->why, "partial_rotary_factor=1.5: expected a number above 0 up to 1"));
    end(f);
}

/* ---- Tensor parallelism ---- */

static void expect_gqa(const char *json, const char *tp, int gqa)
{
    char fields[128];
    fixture *f = begin();

    assert_true(set(axis_set_phase, &f->serving.phase, "prefill"));
    assert_true(set(axis_set_tp, &f->serving.tp, tp));
    assert_true(derive(f, json));
    snprintf(fields, sizeof fields, "dtype=fp16 hdqk=128 mask=causal gqa=%d", gqa);
    assert_int_equal(f->s.count, 1);
    assert_true(selected_text(f, fields));
    end(f);
}

static void test_tp(void **state)
{
    (void)state;
    expect_gqa(MODEL("64", "8"), "1", 8);
    expect_gqa(MODEL("64", "8"), "8", 8);
    expect_gqa(MODEL("64", "8"), "16", 4); /* KV heads are there twice */
    expect_gqa(MODEL("64", "8"), "64", 1);
    expect_gqa(MODEL("48", "1"), "4", 12);
    expect_gqa(MODEL("64", "8"), "1,2,4,8", 8);
}

static void test_tp_refused(void **state)
{
    static const struct {
        const char *tp, *why;
    } cases[] = {
        { "3", "--tp 3: expected a divisor of num_attention_heads=64" },
        { "128", "--tp 128: expected a divisor of num_attention_heads=64" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *f = begin();
        assert_true(set(axis_set_tp, &f->serving.tp, cases[i].tp));
        assert_false(derive(f, MODEL("64", "8")));
        assert_string_equal(f->why, cases[i].why);
        end(f);
    }
    fixture *f = begin();
    assert_true(set(axis_set_tp, &f->serving.tp, "4"));
    assert_false(derive(f, MODEL("60", "6")));
    assert_string_equal(f->why, "--tp 4: expected a divisor or a multiple of num_key_value_heads=6");
    end(f);
}

/* ---- Wrong files ---- */

static void test_refused(void **state)
{
    static const struct {
        const char *json, *why;
    } cases[] = {
        { "", "not JSON: it ends too early" },
        { "{\"a\": ", "not JSON: it ends too early" },
        { "{\"a\" 1}", "not JSON: object property name separator ':' expected at byte 5" },
        { "{} {}", "not JSON: more behind its end at byte 3" },
        { "[1]", "expected a JSON object" },
        { "{}", "dtype, torch_dtype: not there; expected one of them, or --dtype" },
        { "{\"dtype\": \"int8\"}",
          "dtype=int8: expected bfloat16, float16 or float32, or --dtype" },
        { "{\"dtype\": \"float16\"}",
          "num_attention_heads: not there; expected the number of query heads" },
        { "{\"dtype\": \"float16\", \"n_head\": 0}",
          "n_head=0: expected an integer from 1 to 65536" },
        { "{\"dtype\": \"float16\", \"num_attention_heads\": [8, 4]}",
          "num_attention_heads=[8,4]: expected an integer from 1 to 65536" },
        { "{\"dtype\": \"float16\", \"num_attention_heads\": 9223372036854775807}",
          "num_attention_heads=9223372036854775807: expected an integer from 1 to 65536" },
        { "{\"dtype\": \"float16\", \"num_attention_heads\": 8}",
          "head_dim, hidden_size: not there; expected one of them" },
        { "{\"dtype\": \"float16\", \"num_attention_heads\": 8, \"hidden_size\": 100}",
          "hidden_size=100: expected a multiple of num_attention_heads=8, or a head_dim" },
        { "{\"dtype\": \"float16\", \"num_attention_heads\": 8, \"num_key_value_heads\": 3, "
          "\"head_dim\": 64}",
          "num_key_value_heads=3: expected a divisor of num_attention_heads=8" },
        { "{\"dtype\": \"float16\", \"num_attention_heads\": 8, \"kv_lora_rank\": 512}",
          "kv_lora_rank=512: expected qk_nope_head_dim, qk_rope_head_dim and v_head_dim beside it" },
        { "{\"dtype\": \"float16\", \"num_attention_heads\": 8, \"head_dim\": 64, "
          "\"layer_types\": [\"full_attention\", \"telepathy\"]}",
          "layer_types[1]=telepathy: not a kind of layer that is known" },
        { "{\"dtype\": \"float16\", \"num_attention_heads\": 8, \"head_dim\": 64, "
          "\"layer_types\": [\"sliding_attention\"]}",
          "layer_types has sliding_attention: expected a sliding_window" },
        { "{\"dtype\": \"float16\", \"num_attention_heads\": 8, \"head_dim\": 64, "
          "\"attn_logit_softcapping\": \"much\"}",
          "attn_logit_softcapping=\"much\": expected a number or null" },
        { "{\"text_config\": {\"dtype\": \"float16\", \"num_attention_heads\": \"8\"}}",
          "text_config: num_attention_heads=\"8\": expected an integer from 1 to 65536" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture *f = begin();
        assert_false(derive(f, cases[i].json));
        assert_string_equal(f->why, cases[i].why);
        assert_int_equal(f->s.count, 0);
        end(f);
    }
}

/* The command line's dtype goes before the file's; a tower that is not understood is only noted. */
static void test_dtype_and_tower(void **state)
{
    fixture *f = begin();

    (void)state;
    assert_true(set(axis_set_phase, &f->serving.phase, "prefill"));
    assert_true(set(axis_set_dtype, &f->serving.dtype, "fp16,bf16"));
    assert_true(derive(f, "{\"dtype\": \"float32\", \"num_attention_heads\": 8, \"head_dim\": 64, "
                          "\"vision_config\": {\"hidden_size\": 1000}}"));
    assert_int_equal(f->s.count, 2);
    assert_true(selected_text(f, "dtype=fp16 hdqk=64 mask=causal gqa=1"));
    assert_true(lacks(f, "the vision tower"));
    assert_string_equal(f->s.lacking[0].model, "m: vision_config");
    end(f);
}

/* A window beside max_window_layers is not used unless the file says so, which transformers has as
 * the default of such models; and what is not derived is said. */
static void test_unused_and_underived(void **state)
{
    fixture *f = begin();

    (void)state;
    assert_true(set(axis_set_phase, &f->serving.phase, "prefill"));
    assert_true(derive(f, "{\"dtype\": \"float16\", \"num_attention_heads\": 8, \"head_dim\": 64, "
                          "\"sliding_window\": 4096, \"max_window_layers\": 2, "
                          "\"num_hidden_layers\": 4, \"audio_config\": {}}"));
    assert_int_equal(f->s.count, 1);
    assert_true(selected_text(f, "dtype=fp16 hdqk=64 mask=causal gqa=1"));
    assert_int_equal(f->s.num_lacking, 1);
    assert_true(lacks(f, "audio_config"));
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_models),     cmocka_unit_test(test_special_models),
        cmocka_unit_test(test_chunked),          cmocka_unit_test(test_head_dim_of_its_own),
        cmocka_unit_test(test_latent_attention), cmocka_unit_test(test_phases),
        cmocka_unit_test(test_decode_rows),      cmocka_unit_test(test_append),
        cmocka_unit_test(test_rotary_dim),
        cmocka_unit_test(test_tp),               cmocka_unit_test(test_tp_refused),
        cmocka_unit_test(test_refused),          cmocka_unit_test(test_dtype_and_tower),
        cmocka_unit_test(test_unused_and_underived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
