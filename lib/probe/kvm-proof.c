// Whether KVM runs guests on the processor or in software. SPDX-License-Identifier: Apache-2.0
//
// That /dev/kvm opens proves nothing: there are KVMs without virtualization hardware below (PVM)
// that run their own kind of guest and emulate all others, instruction by instruction. So a guest
// is run: in real mode, as every boot begins, then in long mode over a loop whose time on the bare
// processor is known.
#include "probe/kvm-proof.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

#if defined(__x86_64__)

#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MEMORY = 4 << 20,
	CODE = 0x1000,
	PAGE_TABLES = 0x2000, // three pages
	DATA = 0x8000,
	ROUNDS = 5000000, // of four instructions
	CPUID_ENTRIES = 256,
	DEADLINE_MS = 5000,
	TICK_US = 20000,
};

/* A guest is called hardware if it is at most this much slower than the bare processor; the
 * constant pays for the first touch of pages and for clocks that only tick. Measured: a KVM_PVM
 * takes 20 s where the bare processor takes 3 ms; a kvm_amd, itself on an emulated processor, 12 to
 * 99 ms where that takes 9 to 50 ms. */
#define SLOWER       20
#define ALLOWANCE_NS 100000000ull

/* What the child tells the parent. */
struct answer {
	char proof[16];
	int code;
	char message[200];
};

/* mov ecx, 5; add eax, ecx; dec ecx; jnz; hlt, in 16-bit code. */
static const uint8_t real_mode[] = {
    0x66, 0xb9, 0x05, 0x00, 0x00, 0x00, // mov ecx, 5
    0x66, 0x01, 0xc8,                   // add eax, ecx
    0x66, 0x49,                         // dec ecx
    0x75, 0xf9,                         // jnz to the add
    0xf4,                               // hlt
};

/* The loop that is timed, then instructions that emulators are known to lack: cmpxchg16b, fxsave.
 */
static const uint8_t long_mode[] = {
    0xb9, 0x40, 0x4b, 0x4c, 0x00,                               // mov ecx, ROUNDS
    0x01, 0xc8,                                                 // add eax, ecx
    0x31, 0xc3,                                                 // xor ebx, eax
    0xff, 0xc9,                                                 // dec ecx
    0x75, 0xf8,                                                 // jnz to the add
    0xf0, 0x48, 0x0f, 0xc7, 0x0c, 0x25, 0x00, 0x80, 0x00, 0x00, // lock cmpxchg16b [DATA]
    0x0f, 0xae, 0x04, 0x25, 0x00, 0x80, 0x00, 0x00,             // fxsave [DATA]
    0xf4,                                                       // hlt
};

static uint64_t cpu_time(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The same loop without a guest. */
static uint64_t native_time(void)
{
	uint64_t start = cpu_time();
	uint32_t rounds = ROUNDS, a = 0, b = 0;
	__asm__ volatile("1: add %0, %1\n\txor %1, %2\n\tdec %0\n\tjnz 1b"
	                 : "+r"(rounds), "+r"(a), "+r"(b));
	return cpu_time() - start;
}

struct guest {
	int kvm, vm, vcpu;
	uint8_t *memory;
	struct kvm_run *run;
};

static int guest_memory(struct guest *guest)
{
	guest->memory =
	    mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guest->memory == MAP_FAILED)
		return -errno;
	struct kvm_userspace_memory_region region = {
	    .memory_size = MEMORY,
	    .userspace_addr = (uint64_t)(uintptr_t)guest->memory,
	};
	return ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

/* Gives the guest all that the host's KVM supports: without it, long mode is refused. */
static int guest_cpuid(struct guest *guest)
{
	size_t size = sizeof(struct kvm_cpuid2) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2);
	hp_cleanup_free struct kvm_cpuid2 *cpuid = calloc(1, size);
	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = CPUID_ENTRIES;
	if (ioctl(guest->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return -errno;
	return ioctl(guest->vcpu, KVM_SET_CPUID2, cpuid) < 0 ? -errno : 0;
}

static int guest_new(struct guest *guest)
{
	guest->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (guest->kvm < 0)
		return -errno;
	guest->vm = ioctl(guest->kvm, KVM_CREATE_VM, 0);
	if (guest->vm < 0)
		return -errno;
	int r = guest_memory(guest);
	if (r < 0)
		return r;
	guest->vcpu = ioctl(guest->vm, KVM_CREATE_VCPU, 0);
	if (guest->vcpu < 0)
		return -errno;
	int size = ioctl(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < 0)
		return -errno;
	guest->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu, 0);
	return guest->run == MAP_FAILED ? -errno : guest_cpuid(guest);
}

static int set_registers(struct guest *guest, const struct kvm_sregs *sregs)
{
	struct kvm_regs regs = {.rip = CODE, .rflags = 2};
	if (ioctl(guest->vcpu, KVM_SET_SREGS, sregs) < 0 ||
	    ioctl(guest->vcpu, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

static int enter_real_mode(struct guest *guest)
{
	struct kvm_sregs sregs;
	memcpy(guest->memory + CODE, real_mode, sizeof(real_mode));
	if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	return set_registers(guest, &sregs);
}

/* Page tables that map the first 2 MiB onto themselves. */
static void map_memory(uint8_t *memory)
{
	const uint64_t present = 3, large = 1 << 7;
	uint64_t *tables = (uint64_t *)(void *)(memory + PAGE_TABLES);
	tables[0] = (PAGE_TABLES + 0x1000) | present;
	tables[512] = (PAGE_TABLES + 0x2000) | present;
	tables[1024] = present | large;
}

static int enter_long_mode(struct guest *guest)
{
	struct kvm_sregs sregs;
	memcpy(guest->memory + CODE, long_mode, sizeof(long_mode));
	map_memory(guest->memory);
	if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	const struct kvm_segment code = {
	    .limit = 0xffffffff, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
	const struct kvm_segment data = {
	    .limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr3 = PAGE_TABLES;
	sregs.cr4 = 1 << 5 | 1 << 9;                            // PAE, OSFXSR
	sregs.cr0 = 0x80000000u | 1 << 5 | 1 << 4 | 1 << 1 | 1; // PG, NE, ET, MP, PE
	sregs.efer = 1 << 8 | 1 << 10;                          // LME, LMA
	return set_registers(guest, &sregs);
}

/* Runs until the guest halts: 0; -EDQUOT if it took more than `limit` of processor time; else how
 * it ended. */
static int run_guest(struct guest *guest, uint64_t limit, uint32_t *ret_exit)
{
	uint64_t start = cpu_time();
	for (;;) {
		int r = ioctl(guest->vcpu, KVM_RUN, 0);
		if (cpu_time() - start > limit)
			return -EDQUOT;
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		*ret_exit = guest->run->exit_reason;
		return *ret_exit == KVM_EXIT_HLT ? 0 : -EPROTO;
	}
}

static void nothing(int signal)
{
	(void)signal;
}

/* Has KVM_RUN come back now and then, counted in processor time: a busy machine changes nothing. */
static void start_ticks(void)
{
	struct sigaction action = {.sa_handler = nothing};
	struct itimerval timer = {{0, TICK_US}, {0, TICK_US}};
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &timer, NULL);
}

__attribute__((format(printf, 4, 5))) static void say(struct answer *answer, const char *proof,
                                                      int code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(answer->message, sizeof(answer->message), format, args);
	va_end(args);
	snprintf(answer->proof, sizeof(answer->proof), "%s", proof);
	answer->code = code;
}

static void prove_in_child(struct answer *answer)
{
	struct guest guest = {-1, -1, -1, NULL, NULL};
	uint32_t reason = 0;
	int r = guest_new(&guest);
	if (r < 0)
		return say(answer, "failed", r, "a virtual machine cannot be made: %s",
		           strerror(-r));
	start_ticks();
	uint64_t native = native_time(), limit = SLOWER * native + ALLOWANCE_NS;
	r = enter_real_mode(&guest);
	if (r == 0)
		r = run_guest(&guest, limit, &reason);
	if (r < 0)
		return say(answer, "failed", r,
		           "a guest in real mode did not reach its end (exit %u): %s", reason,
		           strerror(-r));
	r = enter_long_mode(&guest);
	if (r < 0)
		return say(answer, "failed", r, "long mode is refused: %s", strerror(-r));
	uint64_t start = cpu_time();
	r = run_guest(&guest, limit, &reason);
	uint64_t taken = cpu_time() - start;
	if (r == -EDQUOT)
		return say(answer, "software", 0,
		           "%d instructions: %.0f ms on the processor, over %.0f ms in a guest",
		           4 * ROUNDS, (double)native / 1e6, (double)taken / 1e6);
	// What an emulator does not know ends the guest with an internal error.
	if (r == -EPROTO && reason == KVM_EXIT_INTERNAL_ERROR)
		return say(answer, "software", 0,
		           "KVM could not emulate an instruction of a guest in long mode");
	if (r < 0)
		return say(answer, "failed", r,
		           "a guest in long mode did not reach its end (exit %u): %s", reason,
		           strerror(-r));
	say(answer, "hardware", 0, "%d instructions: %.0f ms on the processor, %.0f ms in a guest",
	    4 * ROUNDS, (double)native / 1e6, (double)taken / 1e6);
}

static void child(int to)
{
	struct answer answer = {0};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prove_in_child(&answer);
	ssize_t written = write(to, &answer, sizeof(answer));
	_exit(written == (ssize_t)sizeof(answer) ? 0 : 1);
}

/* The child's answer, which is smaller than a pipe's atomic unit: one read has all of it. */
static int await(int from, struct answer *ret)
{
	struct pollfd poll_from = {.fd = from, .events = POLLIN};
	int r;
	do
		r = poll(&poll_from, 1, DEADLINE_MS);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return -ETIME;
	if (r < 0)
		return -errno;
	return read(from, ret, sizeof(*ret)) == (ssize_t)sizeof(*ret) ? 0 : -ECHILD;
}

const char *hp_kvm_prove(struct hp_error *err)
{
	static const char *const proofs[] = {"hardware", "software", "failed"};
	int pipes[2];
	struct answer answer = {0};
	if (pipe2(pipes, O_CLOEXEC) < 0) {
		hp_fail(err, -errno, "no pipe: %s", strerror(errno));
		return NULL;
	}
	pid_t pid = fork();
	if (pid == 0)
		child(pipes[1]);
	close(pipes[1]);
	int r = pid < 0 ? -errno : await(pipes[0], &answer);
	close(pipes[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	if (r < 0) {
		hp_fail(err, r, "the guest gave no answer within %d s: %s", DEADLINE_MS / 1000,
		        strerror(-r));
		return pid < 0 ? NULL : "failed";
	}
	hp_fail(err, answer.code, "%s", answer.message);
	for (size_t i = 0; i < HP_COUNT(proofs); i++)
		if (strcmp(proofs[i], answer.proof) == 0)
			return proofs[i];
	return NULL;
}

#else

const char *hp_kvm_prove(struct hp_error *err)
{
	hp_fail(err, -EOPNOTSUPP,
	        "only x86 has more than one kind of KVM: no guest is made for this processor");
	return NULL;
}

#endif
