#define _GNU_SOURCE /* asprintf */
#include "tools/precompile/emit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/precompile/file.h"
#include "tools/json.h"

/* ---- Files ---- */

static bool fail(char error[EMIT_ERROR_MAX], const char *doing, const char *path)
{
    snprintf(error, EMIT_ERROR_MAX, "cannot %s %.400s: %s", doing, path, strerror(errno));
    return false;
}

bool emit_make_dir(const char *dir, char error[EMIT_ERROR_MAX])
{
    char path[4096];
    struct stat st;

    if (strlen(dir) >= sizeof path) {
        errno = ENAMETOOLONG;
        return fail(error, "create", dir);
    }
    strcpy(path, dir);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return fail(error, "create", path);
        *slash = '/';
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return fail(error, "create", path);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return true;
    errno = ENOTDIR;
    return fail(error, "use", path);
}

static bool write_file(const char *dir, const char *name, const char *extension, const void *data,
                       size_t size, char error[EMIT_ERROR_MAX])
{
    char path[FILE_PATH_MAX];
    file_out out;

    if (snprintf(path, sizeof path, "%s/%s.%s", dir, name, extension) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return fail(error, "write", dir);
    }
    bool ok = file_create(&out, path, 0666, error) && file_write(&out, data, size, error) &&
              file_commit(&out, error);
    file_abandon(&out);
    return ok;
}

bool emit_source(const char *dir, const selected *item, char error[EMIT_ERROR_MAX])
{
    const char *options = gen_options(&item->config);
    char *source = gen_render(&item->config);
    gen_kernel kernel;

    if (!source) {
        snprintf(error, EMIT_ERROR_MAX, "out of memory for the source of %.300s", item->text);
        return false;
    }
    gen_kernel_describe(&item->config, &kernel);
    const bool ok = write_file(dir, kernel.symbol, "hip", source, strlen(source), error) &&
                    write_file(dir, kernel.symbol, "options", options, strlen(options), error);
    free(source);
    return ok;
}

/* ---- Metadata ---- */

static json_object *array3(long x, long y, long z)
{
    json_object *a = json_object_new_array();

    json_object_array_add(a, json_object_new_int64(x));
    json_object_array_add(a, json_object_new_int64(y));
    json_object_array_add(a, json_object_new_int64(z));
    return a;
}

static json_object *arguments(const gen_kernel *kernel)
{
    json_object *list = json_object_new_array();

    for (size_t i = 0; i < kernel->num_args; i++) {
        json_object *arg = json_object_new_object();
        json_put_text(arg, "name", kernel->args[i].name);
        json_put_int(arg, "offset", kernel->args[i].offset);
        json_put_int(arg, "size", kernel->args[i].size);
        json_put_text(arg, "type", kernel->args[i].type);
        json_put_text(arg, "meaning", kernel->args[i].meaning);
        json_object_array_add(list, arg);
    }
    return list;
}

static json_object *launch(const gen_kernel *kernel)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "block", array3(kernel->block, 1, 1));
    json_put_text(o, "grid_rule", kernel->grid_rule);
    json_put_int(o, "tile_q", kernel->tile_q);
    json_put_int(o, "tile_k", kernel->tile_k);
    json_put_int(o, "dynamic_lds_bytes", 0);
    json_put_int(o, "kernarg_bytes", kernel->kernarg_bytes);
    json_object_object_add(o, "arguments", arguments(kernel));
    return o;
}

static json_object *resources(const gen_config *config, const aiter_kernel_info *info)
{
    json_object *o = json_object_new_object();

    json_put_int(o, "wave_size", config->arch->wave_size);
    json_put_int(o, "vgprs", info->vgprs);
    json_put_int(o, "agprs", info->agprs);
    json_put_int(o, "sgprs", info->sgprs);
    json_put_int(o, "vgpr_spills", info->vgpr_spills);
    json_put_int(o, "sgpr_spills", info->sgpr_spills);
    json_put_int(o, "lds_bytes", info->lds_bytes);
    json_put_int(o, "scratch_bytes", info->scratch_bytes);
    json_put_int(o, "code_bytes", (long)info->code_bytes);
    return o;
}

static json_object *metadata(const selected *item, const gen_kernel *kernel,
                             const aiter_kernel_info *info)
{
    json_object *o = json_object_new_object();
    char text[GEN_SYMBOL_MAX + 64];

    json_put_text(o, "format", "aiter-kernel-1");
    json_put_text(o, "configuration", item->text);
    json_put_text(o, "symbol", kernel->symbol);
    snprintf(text, sizeof text, "amdgcn-amd-amdhsa--%s", item->config.arch->name);
    json_put_text(o, "target", text);
    snprintf(text, sizeof text, "%s.hsaco", kernel->symbol);
    json_put_text(o, "code_object", text);
    json_put_text(o, "generator", gen_digest());
    json_put_text(o, "libaiter", aiter_version());
    json_object_object_add(o, "launch", launch(kernel));
    json_object_object_add(o, "resources", resources(&item->config, info));
    return o;
}

bool emit_code(const char *dir, const selected *item, const aiter_warm_result *result,
               char error[EMIT_ERROR_MAX])
{
    gen_kernel kernel;
    char *text = NULL;
    bool ok;

    gen_kernel_describe(&item->config, &kernel);
    json_object *o = metadata(item, &kernel, &result->info);
    const char *json = json_object_to_json_string_ext(
        o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (!json || asprintf(&text, "%s\n", json) < 0)
        text = NULL;
    json_object_put(o);
    if (!text) {
        snprintf(error, EMIT_ERROR_MAX, "out of memory for the metadata of %.300s", item->text);
        return false;
    }
    ok = write_file(dir, kernel.symbol, "hsaco", result->code, result->info.code_bytes, error) &&
         write_file(dir, kernel.symbol, "json", text, strlen(text), error);
    free(text);
    return ok;
}
