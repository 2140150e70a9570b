// A CUDA driver that does nothing and counts: what a program asks a device for, told at each synchronisation of its stream.
//
// `make.py` adds every other function of NVIDIA's libraries that the program is linked with, which all report success.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 256 };

static struct {
    long launches, products, uploads, upload_bytes, downloads, copies, fills, allocations, allocated_bytes;
    const char* kernels[KINDS];
    long times[KINDS];
} seen;

static void count(const char* kernel) {
    seen.launches++;
    for (int i = 0; i < KINDS; ++i) {
        if (!seen.kernels[i]) seen.kernels[i] = kernel;
        if (strcmp(seen.kernels[i], kernel) == 0) {
            seen.times[i]++;
            return;
        }
    }
}

int cuStreamSynchronize(void* stream) {
    printf("launches %ld, products %ld, uploads %ld (%ld bytes), downloads %ld, copies %ld, fills %ld, allocations %ld (%ld bytes)\n",
           seen.launches, seen.products, seen.uploads, seen.upload_bytes, seen.downloads, seen.copies, seen.fills, seen.allocations,
           seen.allocated_bytes);
    for (int i = 0; i < KINDS && seen.kernels[i]; ++i) printf("    %5ld %s\n", seen.times[i], seen.kernels[i]);
    fflush(stdout);
    memset(&seen, 0, sizeof seen);
    return 0;
}

// One device of compute capability 9.0 with 64 GB.
int cuDeviceGetCount(int* devices) { return *devices = 1, 0; }
int cuDeviceGet(int* device, int ordinal) { return *device = ordinal, 0; }
int cuDriverGetVersion(int* version) { return *version = 13000, 0; }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
    const int major = 75, minor = 76;
    return *value = attribute == major ? 9 : attribute == minor ? 0 : 1, 0;
}
int cuDeviceTotalMem_v2(size_t* bytes, int device) { return *bytes = (size_t)64 << 30, 0; }
int cuMemGetInfo_v2(size_t* unused, size_t* total) { return *unused = *total = (size_t)64 << 30, 0; }

// Addresses that nobody looks at.
static int allocate(uint64_t* address, size_t bytes) {
    static uint64_t next = 1 << 20;
    seen.allocations++;
    seen.allocated_bytes += bytes;
    *address = next;
    next += (bytes + 511) / 512 * 512;
    return 0;
}
int cuMemAlloc_v2(uint64_t* address, size_t bytes) { return allocate(address, bytes); }
int cuMemAllocAsync(uint64_t* address, size_t bytes, void* stream) { return allocate(address, bytes); }

static int upload(size_t bytes) { return seen.uploads++, seen.upload_bytes += bytes, 0; }
int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) { return upload(bytes); }
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream) { return upload(bytes); }
static int download(void* to, size_t bytes) { return seen.downloads++, memset(to, 0, bytes), 0; }
int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) { return download(to, bytes); }
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream) { return download(to, bytes); }
int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) { return seen.copies++, 0; }
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* stream) { return seen.copies++, 0; }
int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, void* stream) { return seen.fills++, 0; }
int cuMemsetD8_v2(uint64_t to, unsigned char value, size_t bytes) { return seen.fills++, 0; }

// A function is its name.
int cuModuleGetFunction(void** function, void* module, const char* name) { return *function = strdup(name), 0; }
int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads_x, unsigned threads_y, unsigned threads_z,
                   unsigned shared, void* stream, void** arguments, void** extra) {
    return count(function), 0;
}

static int product(void) { return seen.products++, count("(matrix product)"), 0; }
int cublasGemmStridedBatchedEx(void) { return product(); }
int cublasGemmEx(void) { return product(); }
int cublasSgemm_v2(void) { return product(); }
int cublasSgemmStridedBatched(void) { return product(); }

int nvrtcVersion(int* major, int* minor) { return *major = 13, *minor = 0, 0; }
int nvrtcGetCUBINSize(void* program, size_t* bytes) { return *bytes = 4, 0; }
int nvrtcGetCUBIN(void* program, char* code) { return memset(code, 0, 4), 0; }
