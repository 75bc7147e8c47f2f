// Vectors of 512 bits and the matrix tiles of AMX. Of the primitives that bf16_tiles.h wants each
// is one instruction.
#if defined(__x86_64__)
#define SP_TARGET "amx-tile,amx-bf16,avx512bf16,avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"
#pragma clang attribute push(__attribute__((target(SP_TARGET))), apply_to = function)
#define TILE_BEGIN() _tile_loadconfig(&eight_tiles)
#define TILE_END() _tile_release()
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, from, row) _tile_loadd(t, from, (size_t)(row))
#define TILE_STORE(t, to, row) _tile_stored(t, to, row)
#define TILE_MULTIPLY(c, a, b) _tile_dpbf16ps(c, a, b)
#define SP_TILES
#define SP_DOT
#define SP_LANES 16
#define SP_ROWS 8
#define SP_VECTORS 3
#define SP_NAME(x) x##_amx
#include "amx.h"
#include "portable_kernels.h"
#pragma clang attribute pop
#endif
