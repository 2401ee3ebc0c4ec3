/* Allocation, copies, fills and pointer queries through the HIP functions. */
#include "hip_support.h"

#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
    (void)state;
    quiet();
    hip_ok(hipSetDevice(0));
    return 0;
}

static void allocations_are_aligned_zeroed_and_counted(void **state)
{
    (void)state;
    size_t before, after, total;
    unsigned char *p;
    hip_ok(hipMemGetInfo(&before, &total));
    hip_ok(hipMalloc((void **)&p, 1000));
    assert_int_equal((uintptr_t)p % 256, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    hip_ok(hipMemGetInfo(&after, &total));
    assert_int_equal(before - after, 1000);
    hip_ok(hipFree(p));
    hip_ok(hipMemGetInfo(&after, &total));
    assert_int_equal(before, after);
}

static void an_empty_allocation_is_null(void **state)
{
    (void)state;
    void *p = &p;
    hip_ok(hipMalloc(&p, 0));
    assert_null(p);
    hip_ok(hipFree(NULL));
    hip_fails(hipMalloc(NULL, 16), HIP_ERROR_INVALID_VALUE);
}

static void more_than_the_device_has_is_refused(void **state)
{
    (void)state;
    void *p, *q;
    hip_fails(hipMalloc(&p, (size_t)65 << 30), HIP_ERROR_OUT_OF_MEMORY);
    hip_fails(hipMalloc(&p, SIZE_MAX), HIP_ERROR_OUT_OF_MEMORY);
    hip_ok(hipMalloc(&p, (size_t)40 << 30));
    hip_fails(hipMalloc(&q, (size_t)40 << 30), HIP_ERROR_OUT_OF_MEMORY);
    assert_non_null(strstr(aiterSimLastReport(), "are free"));
    hip_ok(hipFree(p));
}

static void large_allocations_cost_only_what_is_touched(void **state)
{
    (void)state;
    const size_t size = (size_t)48 << 30, at = size - 4096;
    char *p, out[8] = "";
    hip_ok(hipMalloc((void **)&p, size));
    hip_ok(hipMemcpy(p + at, "far end", 8, HIP_MEMCPY_HOST_TO_DEVICE));
    hip_ok(hipMemcpy(out, p + at, 8, HIP_MEMCPY_DEVICE_TO_HOST));
    assert_string_equal(out, "far end");
    hip_ok(hipFree(p));
}

static void freeing_twice_or_inside_or_the_wrong_kind_is_refused(void **state)
{
    (void)state;
    char *p, *h;
    hip_ok(hipMalloc((void **)&p, 64));
    hip_ok(hipHostMalloc((void **)&h, 64, 0));
    hip_fails(hipFree(p + 16), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipHostFree(p), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipFree(h), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipFree(p));
    hip_fails(hipFree(p), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipHostFree(h));
    hip_fails(hipFree(&p), HIP_ERROR_INVALID_VALUE);
}

static void a_freed_address_is_not_handed_out_again_soon(void **state)
{
    (void)state;
    void *p, *q;
    hip_ok(hipMalloc(&p, 4096));
    hip_ok(hipFree(p));
    for (int i = 0; i < 100; i++) {
        hip_ok(hipMalloc(&q, 4096));
        assert_ptr_not_equal(p, q);
        hip_ok(hipFree(q));
    }
}

static void copies_go_every_way(void **state)
{
    (void)state;
    unsigned char in[300], out[300], *a, *b, *pinned;
    for (int i = 0; i < 300; i++)
        in[i] = (unsigned char)(i * 7);
    hip_ok(hipMalloc((void **)&a, 300));
    hip_ok(hipMallocManaged((void **)&b, 300, 1));
    hip_ok(hipHostMalloc((void **)&pinned, 300, 0));
    hip_ok(hipMemcpyHtoD(a, in, 300));
    hip_ok(hipMemcpyDtoD(b, a, 300));
    hip_ok(hipMemcpyAsync(pinned, b, 300, HIP_MEMCPY_DEVICE_TO_HOST, NULL));
    hip_ok(hipDeviceSynchronize());
    hip_ok(hipMemcpyDtoH(out, pinned, 300));
    assert_memory_equal(in, out, 300);
    hip_ok(hipMemcpy(out, in + 1, 299, HIP_MEMCPY_HOST_TO_HOST));
    assert_memory_equal(in + 1, out, 299);
    hip_ok(hipMemcpy(out, a, 0, HIP_MEMCPY_DEVICE_TO_HOST));
    hip_ok(hipFree(a));
    hip_ok(hipFree(b));
    hip_ok(hipHostFree(pinned));
}

static void wrong_copies_are_refused(void **state)
{
    (void)state;
    char host[64], *p;
    hip_ok(hipMalloc((void **)&p, 64));
    hip_fails(hipMemcpy(NULL, host, 8, HIP_MEMCPY_DEFAULT), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipMemcpy(p, NULL, 8, HIP_MEMCPY_DEFAULT), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipMemcpy(p, host, 8, 5), HIP_ERROR_INVALID_MEMCPY_DIRECTION);
    hip_fails(hipMemcpy(p, host, 65, HIP_MEMCPY_HOST_TO_DEVICE), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipMemcpy(host, p + 60, 5, HIP_MEMCPY_DEVICE_TO_HOST), HIP_ERROR_INVALID_VALUE);
    assert_non_null(strstr(aiterSimLastReport(), "exceed the allocation of 64 bytes"));
    hip_fails(hipMemcpy(host, host + 32, 8, HIP_MEMCPY_DEVICE_TO_HOST), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipFree(p));
    hip_fails(hipMemcpy(p, host, 8, HIP_MEMCPY_HOST_TO_DEVICE), HIP_ERROR_INVALID_VALUE);
    assert_non_null(strstr(aiterSimLastReport(), "no live allocation"));
}

static void fills_of_every_width(void **state)
{
    (void)state;
    uint32_t *p;
    hip_ok(hipMalloc((void **)&p, 64));
    hip_ok(hipMemset(p, 0x5a, 64));
    assert_int_equal(p[15], 0x5a5a5a5a);
    hip_ok(hipMemsetD8(p, 0xab, 3));
    assert_int_equal(p[0], 0x5aababab);
    hip_ok(hipMemsetD16((char *)p + 4, 0x1234, 3));
    assert_int_equal(p[1], 0x12341234);
    assert_int_equal(p[2], 0x5a5a1234);
    hip_ok(hipMemsetD32Async(p + 4, (int)0xdeadbeef, 2, NULL));
    hip_ok(hipStreamSynchronize(NULL));
    assert_int_equal(p[5], 0xdeadbeef);
    assert_int_equal(p[6], 0x5a5a5a5a);
    hip_fails(hipMemsetD32(p, 0, 17), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipMemsetD32((char *)p + 2, 0, 1), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipMemset(NULL, 0, 1), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipMemset(&p, 0, 1), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipFree(p));
}

static void pointers_know_where_they_are(void **state)
{
    (void)state;
    hip_pointer_attributes a;
    char *p, *h, *m, local;
    void *base;
    size_t size;
    hip_ok(hipSetDevice(1));
    hip_ok(hipMalloc((void **)&p, 100));
    hip_ok(hipHostMalloc((void **)&h, 100, 2));
    hip_ok(hipMallocManaged((void **)&m, 100, 1));
    hip_ok(hipPointerGetAttributes(&a, p + 99));
    assert_int_equal(a.type, HIP_MEMORY_DEVICE);
    assert_int_equal(a.device, 1);
    assert_ptr_equal(a.devicePointer, p + 99);
    assert_null(a.hostPointer);
    hip_ok(hipPointerGetAttributes(&a, h));
    assert_int_equal(a.type, HIP_MEMORY_HOST);
    assert_ptr_equal(a.hostPointer, h);
    assert_int_equal(a.allocationFlags, 2);
    hip_ok(hipPointerGetAttributes(&a, m));
    assert_int_equal(a.type, HIP_MEMORY_MANAGED);
    assert_int_equal(a.isManaged, 1);
    hip_fails(hipPointerGetAttributes(&a, &local), HIP_ERROR_INVALID_VALUE);
    assert_int_equal(a.type, HIP_MEMORY_UNREGISTERED);
    hip_fails(hipPointerGetAttributes(&a, p + 100), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipMemGetAddressRange(&base, &size, p + 50));
    assert_ptr_equal(base, p);
    assert_int_equal(size, 100);
    hip_fails(hipMemGetAddressRange(&base, &size, &local), HIP_ERROR_INVALID_DEVICE_POINTER);
    hip_ok(hipFree(p));
    hip_ok(hipHostFree(h));
    hip_ok(hipFree(m));
    hip_ok(hipSetDevice(0));
}

static void host_memory_can_be_registered_once(void **state)
{
    (void)state;
    char *buffer = malloc(1000);
    void *device_ptr = NULL;
    hip_fails(hipHostGetDevicePointer(&device_ptr, buffer, 0), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipHostRegister(buffer, 1000, 0));
    hip_ok(hipHostGetDevicePointer(&device_ptr, buffer, 0));
    assert_ptr_equal(device_ptr, buffer);
    hip_fails(hipHostRegister(buffer + 10, 10, 0), HIP_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    hip_ok(hipHostUnregister(buffer));
    hip_fails(hipHostUnregister(buffer), HIP_ERROR_HOST_MEMORY_NOT_REGISTERED);
    free(buffer);
}

static void stream_ordered_memory_lives_until_its_free_is_reached(void **state)
{
    (void)state;
    hip_stream stream;
    hip_pointer_attributes a;
    uint32_t *p, *out;
    hip_ok(hipStreamCreate(&stream));
    hip_ok(hipHostMalloc((void **)&out, 4, 0));
    hip_ok(hipMallocAsync((void **)&p, 1 << 20, stream));
    hip_ok(hipMemsetD32Async(p, 77, 1 << 18, stream));
    hip_ok(hipMemcpyAsync(out, p + 1000, 4, HIP_MEMCPY_DEVICE_TO_HOST, stream));
    hip_ok(hipFreeAsync(p, stream));
    hip_ok(hipStreamSynchronize(stream));
    assert_int_equal(*out, 77);
    hip_fails(hipPointerGetAttributes(&a, p), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipFreeAsync(p, stream), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipStreamDestroy(stream));
    hip_ok(hipHostFree(out));
}

static void memory_is_copied_between_devices(void **state)
{
    (void)state;
    uint32_t *a, *b, out = 0;
    size_t size = 0;
    hip_ok(hipMalloc((void **)&a, 64));
    hip_ok(hipSetDevice(1));
    hip_ok(hipMalloc((void **)&b, 64));
    hip_ok(hipMemsetD32(b, 99, 16));
    hip_ok(hipMemcpyPeer(a, 0, b, 1, 64));
    hip_ok(hipMemcpyDtoH(&out, a + 15, 4));
    assert_int_equal(out, 99);
    hip_fails(hipMemcpyPeer(a, 0, b, 3, 64), HIP_ERROR_INVALID_DEVICE);
    hip_fails(hipMemcpyPeerAsync(a, 0, b, 1, 65, NULL), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipMemPtrGetInfo(b, &size));
    assert_int_equal(size, 64);
    hip_ok(hipFree(b));
    hip_ok(hipSetDevice(0));
    hip_ok(hipFree(a));
}

static void managed_memory_can_be_prefetched(void **state)
{
    (void)state;
    char *m, *p;
    hip_ok(hipMallocManaged((void **)&m, 4096, 1));
    hip_ok(hipMalloc((void **)&p, 4096));
    hip_ok(hipMemPrefetchAsync(m, 4096, 2, NULL));
    hip_ok(hipMemPrefetchAsync(m + 1, 4095, -1, NULL));
    hip_fails(hipMemPrefetchAsync(m + 1, 4096, 0, NULL), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipMemPrefetchAsync(p, 4096, 0, NULL), HIP_ERROR_INVALID_VALUE);
    hip_fails(hipMemPrefetchAsync(m, 4096, 7, NULL), HIP_ERROR_INVALID_DEVICE);
    hip_ok(hipFree(m));
    hip_ok(hipFree(p));
}

static void resetting_a_device_frees_its_memory_only(void **state)
{
    (void)state;
    hip_pointer_attributes a;
    void *p, *q;
    hip_ok(hipMalloc(&p, 64));
    hip_ok(hipSetDevice(1));
    hip_ok(hipMalloc(&q, 64));
    hip_ok(hipDeviceReset());
    hip_fails(hipPointerGetAttributes(&a, q), HIP_ERROR_INVALID_VALUE);
    hip_ok(hipPointerGetAttributes(&a, p));
    hip_ok(hipSetDevice(0));
    hip_ok(hipFree(p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_zeroed_and_counted),
        cmocka_unit_test(an_empty_allocation_is_null),
        cmocka_unit_test(more_than_the_device_has_is_refused),
        cmocka_unit_test(large_allocations_cost_only_what_is_touched),
        cmocka_unit_test(freeing_twice_or_inside_or_the_wrong_kind_is_refused),
        cmocka_unit_test(a_freed_address_is_not_handed_out_again_soon),
        cmocka_unit_test(copies_go_every_way),
        cmocka_unit_test(wrong_copies_are_refused),
        cmocka_unit_test(fills_of_every_width),
        cmocka_unit_test(pointers_know_where_they_are),
        cmocka_unit_test(host_memory_can_be_registered_once),
        cmocka_unit_test(stream_ordered_memory_lives_until_its_free_is_reached),
        cmocka_unit_test(memory_is_copied_between_devices),
        cmocka_unit_test(managed_memory_can_be_prefetched),
        cmocka_unit_test(resetting_a_device_frees_its_memory_only),
    };
    return cmocka_run_group_tests_name("sim memory", tests, setup, NULL);
}
