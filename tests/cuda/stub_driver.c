/* A library in place of NVIDIA's driver: it writes down what `cuda.bindings` passes on to it, a line a call.
   Memory of its card is the process's; functions without a stub are ones that it does not have. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long u64;
typedef unsigned int u32;
typedef void *handle;

#define TELL(...) (printf(__VA_ARGS__), fflush(stdout), 0)

/* What `studio.cuda.probe` asks of the library itself, and the bindings too. */
int cuInit(u32 flags) { return (int)flags; }
int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return 0; }
int cuDeviceGetName(char *name, int length, int device) { (void)device; strncpy(name, "Stub", length); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { (void)device; *bytes = 1ull << 34; return 0; }
int cuDeviceGetAttribute(int *value, int which, int device)
{
    (void)device;
    *value = which == 75 ? 9 : which == 76 ? 0 : which == 16 ? 4 : -1;
    return 0;
}

int stub_cuDevicePrimaryCtxRetain(handle *context, int device) { (void)device; *context = (handle)0x100; return 0; }
int stub_cuDevicePrimaryCtxRelease(int device) { return TELL("release context of %d\n", device); }
int stub_cuCtxSetCurrent(handle context) { (void)context; return 0; }
int stub_cuStreamCreate(handle *stream, u32 flags) { *stream = (handle)0x200; return TELL("stream %u\n", flags); }
int stub_cuStreamDestroy(handle stream) { (void)stream; return 0; }
int stub_cuStreamSynchronize(handle stream) { return TELL("wait %p\n", stream); }
int stub_cuMemGetInfo(size_t *free, size_t *total) { *free = 1ull << 33; *total = 1ull << 34; return 0; }
int stub_cuMemAlloc(u64 *address, size_t count) { *address = (u64)malloc(count); return 0; }
int stub_cuMemFree(u64 address) { free((void *)address); return 0; }
int stub_cuMemsetD8Async(u64 address, unsigned char value, size_t count, handle stream)
{
    memset((void *)address, value, count);
    return TELL("fill %zu %u %p\n", count, value, stream);
}
int stub_cuMemcpyHtoDAsync(u64 to, const void *from, size_t count, handle stream)
{
    memcpy((void *)to, from, count);
    return TELL("put %zu %p\n", count, stream);
}
int stub_cuMemcpyDtoHAsync(void *to, u64 from, size_t count, handle stream)
{
    memcpy(to, (void *)from, count);
    return TELL("get %zu %p\n", count, stream);
}
int stub_cuModuleLoadData(handle *module, const char *code) { *module = (handle)0x300; return TELL("load %s\n", code); }
int stub_cuModuleUnload(handle module) { return TELL("unload %p\n", module); }
int stub_cuModuleGetFunction(handle *function, handle module, const char *name)
{
    (void)module;
    *function = (handle)0x400;
    return TELL("function %s\n", name);
}
int stub_cuStreamBeginCapture(handle stream, int mode) { return TELL("capture %p %d\n", stream, mode); }
int stub_cuStreamEndCapture(handle stream, handle *graph) { *graph = (handle)0x500; return TELL("captured %p\n", stream); }
int stub_cuGraphInstantiateWithFlags(handle *ready, handle graph, u64 flags)
{
    *ready = (handle)0x600;
    return TELL("graph %p %llu\n", graph, flags);
}
int stub_cuGraphDestroy(handle graph) { (void)graph; return 0; }
int stub_cuGraphExecDestroy(handle ready) { (void)ready; return 0; }
int stub_cuGraphLaunch(handle ready, handle stream) { return TELL("run %p %p\n", ready, stream); }
int stub_cuEventCreate(handle *event, u32 flags)
{
    static u64 made = 0x700;
    *event = (handle)made++;
    return TELL("event %u\n", flags);
}
int stub_cuEventDestroy(handle event) { (void)event; return 0; }
int stub_cuEventRecordWithFlags(handle event, handle stream, u32 flags) { return TELL("mark %p %p %u\n", event, stream, flags); }
int stub_cuEventElapsedTime(float *milliseconds, handle start, handle end)
{
    *milliseconds = 1.5f;
    return TELL("between %p %p\n", start, end);
}
int stub_cuLaunchKernel(
    handle function, u32 x, u32 y, u32 z, u32 across, u32 down, u32 deep, u32 shared, handle stream, void **values, void **extra)
{
    return TELL("launch %p %u %u %u %u %u %u %u %p %llx %llx %llx %llx %s\n", function, x, y, z, across, down, deep, shared, stream,
                *(u64 *)values[0], *(u64 *)values[1], *(u64 *)values[2], *(u64 *)values[3], extra ? "more" : "");
}

/* The bindings ask for each function so, by its name without a version. */
int cuGetProcAddress_v2(const char *name, void **found, int version, u64 flags, int *status)
{
    char stub[128];
    const char *missing = getenv("STUB_WITHOUT");
    (void)version;
    (void)flags;
    snprintf(stub, sizeof stub, "stub_%s", name);
    handle own = dlopen("libcuda.so.1", RTLD_NOW);
    *found = dlsym(own, stub);
    if (!*found)
        *found = dlsym(own, name);
    if (missing && !strcmp(missing, name))
        *found = NULL;
    if (status)
        *status = *found ? 0 : 1;
    return *found ? 0 : 500;
}
int cuGetProcAddress(const char *name, void **found, int version, u64 flags) { return cuGetProcAddress_v2(name, found, version, flags, NULL); }
