#include "runtime/info.h"

aiter_kernel_info rt_kernel_info(const char *symbol, const gen_kernel *shape, const rt_code *code,
                                 bool from_cache)
{
    const rt_code_facts *f = &code->facts;
    return (aiter_kernel_info){
        .size = sizeof(aiter_kernel_info),
        .symbol = symbol,
        .code_bytes = code->image_size,
        .vgprs = f->vgprs,
        .agprs = f->agprs,
        .sgprs = f->sgprs,
        .vgpr_spills = f->vgpr_spills,
        .sgpr_spills = f->sgpr_spills,
        .lds_bytes = f->lds_bytes,
        .scratch_bytes = f->scratch_bytes,
        .block_size = shape->block,
        .from_cache = from_cache,
    };
}
