/* The document of a model, from its files: config.json, README.md, tokenizer_config.json, the
 * headers of its weights. What the card does not say is inferred as the hub does. */
#include "gateway/hub/info.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/card.h"
#include "tensor/repo.h"
#include "tensor/safetensors.h"

#include <inttypes.h>
#include <string.h>

/* --- what the files say --- */

static json_t *read_card(const repo *r)
{
    own_mem char *path = path_join(r->folder, "README.md");
    own_buf buf text = buf_new(CARD_MAX_BYTES);
    str front, body;
    if (!file_read(path, CARD_MAX_BYTES, &text, NULL))
        return NULL;
    card_split(buf_view(&text), &front, &body);
    return front.n ? card_meta(front, NULL) : NULL;
}

static bool has_suffix(const repo_files *files, const char *suffix)
{
    for (int i = 0; i < files->n; i++)
        if (str_ends(str_of(files->items[i].path), str_of(suffix)))
            return true;
    return false;
}

/* {"parameters": {"F32": n}, "total": n} over the weight files of the root; NULL without. */
static json_t *count_parameters(const repo *r, const repo_files *files)
{
    json_t *parameters = json_object();
    json_int_t total = 0;
    for (int i = 0; i < files->n; i++) {
        const char *path = files->items[i].path;
        if (strchr(path, '/') || !str_ends(str_of(path), STR(".safetensors")))
            continue;
        own_mem char *whole = path_join(r->folder, path);
        safetensors weights;
        if (!safetensors_open(&weights, whole, NULL))
            continue;
        for (int t = 0; t < weights.n; t++) {
            const char *name = dtype_name(weights.tensors[t].type);
            json_int_t n = weights.tensors[t].n_elements;
            json_int_t before = json_integer_value(json_object_get(parameters, name));
            json_object_set_new(parameters, name, json_integer(before + n));
            total += n;
        }
        safetensors_release(&weights);
    }
    if (total == 0) {
        json_decref(parameters);
        return NULL;
    }
    return json_pack("{s:o,s:I}", "parameters", parameters, "total", total);
}

/* --- what follows from them --- */

static const char *first_architecture(const json_t *config)
{
    const json_t *list = json_object_get(config, "architectures");
    const char *name = json_string_value(json_array_get(list, 0));
    return name ? name : "";
}

struct evidence {
    const char *part; /* of the architecture's name */
    const char *task, *auto_class;
};

/* The first match wins: longer names before those they contain. */
static const struct evidence architectures[] = {
    {"ForMaskedLM", "fill-mask", "AutoModelForMaskedLM"},
    {"ForSequenceClassification", "text-classification", "AutoModelForSequenceClassification"},
    {"ForTokenClassification", "token-classification", "AutoModelForTokenClassification"},
    {"TapasForQuestionAnswering", "table-question-answering", "AutoModelForTableQuestionAnswering"},
    {"ForTableQuestionAnswering", "table-question-answering", "AutoModelForTableQuestionAnswering"},
    {"ForVisualQuestionAnswering", "visual-question-answering",
     "AutoModelForVisualQuestionAnswering"},
    {"ForQuestionAnswering", "question-answering", "AutoModelForQuestionAnswering"},
    {"ForMultipleChoice", "multiple-choice", "AutoModelForMultipleChoice"},
    {"ForCausalLM", "text-generation", "AutoModelForCausalLM"},
    {"LMHeadModel", "text-generation", "AutoModelForCausalLM"},
    {"ForConditionalGeneration", "text2text-generation", "AutoModelForSeq2SeqLM"},
    {"ForImageClassification", "image-classification", "AutoModelForImageClassification"},
    {"ForObjectDetection", "object-detection", "AutoModelForObjectDetection"},
    {"ForAudioClassification", "audio-classification", "AutoModelForAudioClassification"},
    {"ForCTC", "automatic-speech-recognition", "AutoModelForCTC"},
    {"HF_ColBERT", "sentence-similarity", "AutoModel"},
    {"Model", "feature-extraction", "AutoModel"},
};

static const struct evidence *judge_architecture(const json_t *config)
{
    const char *name = first_architecture(config);
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++)
        if (strstr(name, architectures[i].part))
            return &architectures[i];
    return NULL;
}

static const char *infer_library(const repo *r, const json_t *card, const json_t *config)
{
    const char *said = json_string_value(json_object_get(card, "library_name"));
    if (said)
        return said;
    if (repo_has(r, "modules.json") || repo_has(r, "config_sentence_transformers.json"))
        return "sentence-transformers";
    if (repo_has(r, "adapter_config.json"))
        return "peft";
    return config ? "transformers" : NULL;
}

static const char *infer_task(const json_t *card, const json_t *config, const char *library_name)
{
    const char *said = json_string_value(json_object_get(card, "pipeline_tag"));
    const struct evidence *judged = judge_architecture(config);
    if (said)
        return said;
    if (library_name && strcmp(library_name, "sentence-transformers") == 0)
        return judged && strcmp(judged->task, "text-classification") == 0 ? "text-ranking"
                                                                          : "sentence-similarity";
    return judged ? judged->task : NULL;
}

/* --- the document --- */

static void add_tag(json_t *tags, const char *prefix, const char *value)
{
    own_mem char *text = xprintf("%s%s", prefix, value);
    size_t i;
    json_t *known;
    json_array_foreach (tags, i, known) {
        if (strcmp(json_string_value(known), text) == 0)
            return;
    }
    json_array_append_new(tags, json_string(text));
}

/* One string or a list of them. */
static void add_tags(json_t *tags, const char *prefix, const json_t *values)
{
    if (json_is_string(values))
        add_tag(tags, prefix, json_string_value(values));
    size_t i;
    json_t *value;
    json_array_foreach (values, i, value) {
        if (json_is_string(value))
            add_tag(tags, prefix, json_string_value(value));
    }
}

static json_t *make_tags(const json_t *card, const json_t *config, const repo_files *files,
                         const char *library_name, const char *task_name)
{
    static const struct {
        const char *suffix, *tag;
    } formats[] = {{".safetensors", "safetensors"},
                   {"pytorch_model.bin", "pytorch"},
                   {".onnx", "onnx"},
                   {".gguf", "gguf"}};
    static const struct {
        const char *key, *prefix;
    } keys[] = {{"tags", ""},
                {"language", ""},
                {"datasets", "dataset:"},
                {"license", "license:"},
                {"base_model", "base_model:"}};
    json_t *tags = json_array();
    if (library_name)
        add_tag(tags, "", library_name);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (has_suffix(files, formats[i].suffix))
            add_tag(tags, "", formats[i].tag);
    add_tags(tags, "", json_object_get(config, "model_type"));
    if (task_name)
        add_tag(tags, "", task_name);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        add_tags(tags, keys[i].prefix, json_object_get(card, keys[i].key));
    add_tag(tags, "", "endpoints_compatible");
    return tags;
}

/* "[MASK]" or {"content": "[MASK]"}; NULL without; borrowed. */
static json_t *named_mask(const json_t *names)
{
    json_t *mask = json_object_get(names, "mask_token");
    if (json_is_object(mask))
        mask = json_object_get(mask, "content");
    return json_is_string(mask) ? mask : NULL;
}

/* tokenizer.json does not say what its tokens are for; borrowed. */
static json_t *spelled_mask(const json_t *tokenizer)
{
    size_t i;
    json_t *token;
    json_array_foreach (json_object_get(tokenizer, "added_tokens"), i, token) {
        json_t *content = json_object_get(token, "content");
        const char *text = json_string_value(content);
        if (text && (strcmp(text, "[MASK]") == 0 || strcmp(text, "<mask>") == 0))
            return content;
    }
    return NULL;
}

/* The mask of a model that fills masks, from the first file that tells; old models have none that
 * names it. New reference, NULL without. */
static json_t *find_mask(const repo *r, const json_t *tokenizer_config, const char *task_name)
{
    json_t *mask = named_mask(tokenizer_config);
    if (mask)
        return json_incref(mask);
    own_json json_t *names = repo_json_optional(r, "special_tokens_map.json", NULL);
    mask = named_mask(names);
    if (mask || !task_name || strcmp(task_name, "fill-mask") != 0)
        return json_incref(mask);
    own_json json_t *tokenizer = repo_json_optional(r, "tokenizer.json", NULL);
    if (tokenizer)
        return json_incref(spelled_mask(tokenizer));
    return repo_has(r, "vocab.txt") ? json_string("[MASK]") : NULL;
}

static json_t *make_config(const json_t *config, json_t *mask)
{
    json_t *out = json_object();
    static const char *const kept[] = {"architectures", "model_type", "quantization_config"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (json_object_get(config, kept[i]))
            json_object_set(out, kept[i], json_object_get(config, kept[i]));
    if (mask)
        json_object_set_new(out, "tokenizer_config", json_pack("{s:O}", "mask_token", mask));
    return out;
}

static json_t *make_siblings(const repo_files *files)
{
    json_t *out = json_array();
    for (int i = 0; i < files->n; i++) {
        const repo_file *f = &files->items[i];
        json_t *item = json_pack("{s:s,s:I,s:s}", "rfilename", f->path, "size", (json_int_t)f->size,
                                 "blobId", f->etag);
        if (item && repo_file_is_lfs(f))
            json_object_set_new(item, "lfs", repo_file_lfs(f, "sha256"));
        if (item) /* a name that is not UTF-8 is left out */
            json_array_append_new(out, item);
    }
    return out;
}

/* What ids, dates and switches say. */
static json_t *make_head(const local_model *m, int64_t storage)
{
    char date[25], hash[SHA256_HEX];
    clock_iso(m->hub.modified_unix_ms, date);
    sha256_hex(str_of(m->hub.id), hash);
    const char *slash = strchr(m->hub.id, '/');
    json_t *out =
        json_pack("{s:s%,s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:b,s:i,s:i,s:I,s:s}", "_id", hash, (size_t)24,
                  "id", m->hub.id, "modelId", m->hub.id, "sha", m->hub.commit, "lastModified", date,
                  "createdAt", date, "private", 0, "gated", 0, "disabled", 0, "downloads", 0,
                  "likes", 0, "usedStorage", (json_int_t)storage, "inference", "warm");
    if (slash)
        json_object_set_new(out, "author", json_stringn(m->hub.id, (size_t)(slash - m->hub.id)));
    return out;
}

static json_t *transformers_info(const json_t *config, const char *task_name)
{
    const struct evidence *judged = judge_architecture(config);
    if (!judged)
        return NULL;
    return json_pack("{s:s,s:s*,s:s}", "auto_model", judged->auto_class, "pipeline_tag", task_name,
                     "processor", "AutoTokenizer");
}

static void set(json_t *out, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(out, key, value);
}

/* NULL: there is none, or it is broken. */
static json_t *read_config(const repo *r, error *e)
{
    own_mem char *path = repo_path(r, STR("config.json"), e);
    json_t *config = path && file_check(path, e) ? repo_json_optional(r, "config.json", e) : NULL;
    if (config && !json_is_object(config))
        fail(e, ERR_BAD_MODEL, "'config.json' is %s, expected an object", json_kind(config));
    return config;
}

static json_t *make_info(const local_model *m)
{
    repo r = {0};
    if (!repo_open(&r, m->hub.folder, NULL))
        return make_head(m, 0);
    repo_files files;
    repo_files_list(m->hub.folder, &files);
    own_json json_t *card = read_card(&r);
    error problem = {0};
    own_json json_t *config = read_config(&r, &problem);
    own_json json_t *tokenizer = repo_json_optional(&r, "tokenizer_config.json", NULL);
    int64_t storage = 0;
    for (int i = 0; i < files.n; i++)
        storage += files.items[i].size;
    const char *library_name = infer_library(&r, card, config);
    const char *task_name = infer_task(card, config, library_name);
    own_json json_t *mask = find_mask(&r, tokenizer, task_name);
    json_t *out = make_head(m, storage);
    set(out, "pipeline_tag", task_name ? json_string(task_name) : NULL);
    set(out, "library_name", library_name ? json_string(library_name) : NULL);
    set(out, "mask_token", json_incref(mask));
    set(out, "tags", make_tags(card, config, &files, library_name, task_name));
    set(out, "config", make_config(config, mask));
    set(out, "transformersInfo", transformers_info(config, task_name));
    set(out, "cardData", json_incref(card));
    json_t *widgets = json_object_get(card, "widget");
    set(out, "widgetData", json_is_array(widgets) ? json_incref(widgets) : NULL);
    json_t *index = json_object_get(card, "model-index");
    set(out, "model-index", index ? json_incref(index) : json_null());
    if (problem.kind != ERR_NONE) {
        repo_hide_place(problem.message, m->hub.folder);
        set(out, "problem", json_string(problem.message));
    }
    set(out, "safetensors", count_parameters(&r, &files));
    set(out, "spaces", json_array());
    set(out, "siblings", make_siblings(&files));
    repo_files_release(&files);
    repo_release(&r);
    return out;
}

json_t *local_model_info(local_model *m)
{
    if (!m->info)
        m->info = make_info(m);
    return m->info;
}
