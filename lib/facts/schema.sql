-- The facts: the narrow waist between probes and rules. SPDX-License-Identifier: Apache-2.0
--
-- How to read this file (lib/facts/schema.py reads it too, and makes from it the C tables, the
-- PostgreSQL schema and docs/facts.md; keep its shape, one column a line):
--   * NULL is unknown, always. Absent is a value: 'none' in text columns, 0 in counts, -1 where the
--     kernel itself says -1 (numa_node).
--   * {a|b|c} is the whole domain of a text column; {0|1} marks a flag; {version} a version, which
--     gets a companion column NAME_key that sorts as versions do; {address} a PCI address; {hexN} an id
--     of N hex digits in lower case.
--   * @/path is where the live probe reads it; {column} in it stands for the row's value. It is what
--     evidence quotes as origin.
--   * "observed: column" above a table names the column whose values `observed` speaks of; ''
--     means that the table is observed as a whole.
--   * @table.column, in a derived table, is the column of which the value tells.
--   * Tables under "derived" are computed from the others (lib/facts/derive.c, derive.sql): no
--     probe and no facts file fills them.
--
-- Two ways were weighed: one wide entity-attribute-value table (any fact, no schema change, but
-- every rule a self-join and no types), and typed tables. Typed tables won: rules read as
-- sentences, the engines' planners work, a misspelt column fails when the rule is prepared. For
-- the long tail of programs and their settings, `software` and `setting` are the middle way.

-- What is known of how far a table was observed. A rule that says "none", "all" or "no other" asks
-- this table first. No row: unknown.
-- observed: ''
CREATE TABLE observed (
  host TEXT NOT NULL, -- host that the row speaks of
  tbl TEXT NOT NULL, -- name of a table of facts
  subject TEXT NOT NULL, -- '' for the whole table, or a value of its "observed" column
  state TEXT NOT NULL, -- how much of it was seen {complete|partial|skipped}
  PRIMARY KEY (host, tbl, subject)
);

-- Something that could not be observed, and why.
-- observed: ''
CREATE TABLE gap (
  host TEXT NOT NULL, -- host
  what TEXT NOT NULL, -- file, table or device that was not read
  why TEXT NOT NULL, -- reason, for a person
  kind TEXT, -- class of reason {permission|missing-tool|asleep|deadline|level|malformed|unsupported|vanished|privilege}
  PRIMARY KEY (host, what)
);

-- Where a value came from, if not from its column's own path: assumed, remembered, a command.
-- observed: ''
CREATE TABLE origin (
  host TEXT NOT NULL, -- host
  tbl TEXT NOT NULL, -- table
  subject TEXT NOT NULL, -- key of the row in that table ('' for tables with one row a host)
  col TEXT NOT NULL, -- column, or '' for the whole row
  source TEXT NOT NULL, -- file, or words such as 'assumed', 'predicted', 'remembered 120 s ago'
  PRIMARY KEY (host, tbl, subject, col)
);

-- The machine and its system software. One row a host.
-- observed: ''
CREATE TABLE machine (
  host TEXT NOT NULL, -- host
  architecture TEXT, -- machine architecture as `uname -m` says {x86_64|aarch64|ppc64le|riscv64|s390x}
  distribution TEXT, -- ID of os-release: debian, ubuntu, rhel, fedora, proxmox, nixos, talos, unraid, … @/etc/os-release
  distribution_version TEXT, -- VERSION_ID of os-release {version} @/etc/os-release
  distribution_name TEXT, -- PRETTY_NAME of os-release @/etc/os-release
  vendor TEXT, -- DMI system vendor @/sys/class/dmi/id/sys_vendor
  product TEXT, -- DMI product name @/sys/class/dmi/id/product_name
  board TEXT, -- DMI board name @/sys/class/dmi/id/board_name
  bios_version TEXT, -- DMI BIOS version @/sys/class/dmi/id/bios_version
  bios_date TEXT, -- DMI BIOS date as YYYY-MM-DD @/sys/class/dmi/id/bios_date
  hypervisor TEXT, -- what this host itself runs under; 'none' is bare metal {none|kvm|qemu-tcg|vmware|hyper-v|xen|cloud-hypervisor|firecracker|pvm|aws-nitro|gcp|other}
  hypervisor_signature TEXT, -- the 12 characters of CPUID leaf 0x40000000, 'none' without hypervisor
  smbios_virtual INTEGER, -- SMBIOS says that this is a virtual machine: where drivers look that have no CPUID (ARM) {0|1} @/sys/firmware/dmi/entries/0-0/raw
  container TEXT, -- whether happypath itself runs in a container {none|docker|podman|kubernetes|other}
  root INTEGER, -- observed with root's privilege {0|1}
  boot_id TEXT, -- the kernel's boot id @/proc/sys/kernel/random/boot_id
  boot_firmware TEXT, -- how the host was booted {uefi|bios} @/sys/firmware/efi
  bootloader TEXT, -- what booted the running kernel {grub|systemd-boot|limine|syslinux|proxmox-boot-tool|extlinux|efistub|ostree|uki|other}
  init TEXT, -- process 1 {systemd|openrc|runit|busybox|other} @/proc/1/comm
  selinux TEXT, -- SELinux mode {enforcing|permissive|disabled|none} @/sys/fs/selinux/enforce
  cgroup_version INTEGER, -- 1 or 2 (the unified hierarchy) @/proc/self/mountinfo
  PRIMARY KEY (host)
);

-- The running kernel. One row a host.
-- observed: ''
CREATE TABLE kernel (
  host TEXT NOT NULL, -- host
  release TEXT, -- kernel release as `uname -r` says {version} @/proc/sys/kernel/osrelease
  build TEXT, -- the version line @/proc/version
  lockdown TEXT, -- kernel lockdown {none|integrity|confidentiality} @/sys/kernel/security/lockdown
  secure_boot TEXT, -- UEFI Secure Boot {on|off|unsupported} @/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
  module_signing_enforced INTEGER, -- modules must be signed by a trusted key {0|1} @/sys/module/module/parameters/sig_enforce
  taint INTEGER, -- taint bits @/proc/sys/kernel/tainted
  cmdline TEXT, -- command line of the running kernel, 'none' if empty @/proc/cmdline
  cmdline_configured TEXT, -- options that the administrator's bootloader configuration asks for @{cmdline_configured_file}
  cmdline_configured_file TEXT, -- the file that cmdline_configured was read from
  cmdline_next TEXT, -- command line that the default boot entry will use next time @{cmdline_next_file}
  cmdline_next_file TEXT, -- the file that cmdline_next was read from
  next_release TEXT, -- release that the next boot will start {version}
  headers_installed INTEGER, -- kernel headers for the running release are installed {0|1} @/lib/modules/{release}/build
  next_headers_installed INTEGER, -- kernel headers for next_release are installed {0|1} @/lib/modules/{next_release}/build
  PRIMARY KEY (host)
);

-- Options of the kernel's configuration that matter here.
-- observed: option
CREATE TABLE kernel_config (
  host TEXT NOT NULL, -- host
  option TEXT NOT NULL, -- name with CONFIG_: CONFIG_VFIO_PCI, CONFIG_IOMMUFD, CONFIG_VFIO_DEVICE_CDEV, CONFIG_VFIO_MDEV, CONFIG_IRQ_REMAP, CONFIG_INTEL_IOMMU, CONFIG_AMD_IOMMU, CONFIG_DRM_I915_GVT_KVMGT, CONFIG_NOVA_CORE, …
  value TEXT, -- y, m, n (not set), or its text @/boot/config-RELEASE
  PRIMARY KEY (host, option)
);

-- Lines of the kernel log that stood there before any attempt and matter. A facts file gives
-- `message`; `kind` and `address` are found by knowledge/matrices/kernel_message_pattern.csv if not given.
-- observed: ''
CREATE TABLE kernel_message (
  host TEXT NOT NULL, -- host
  position INTEGER NOT NULL, -- order in the log, from 0
  message TEXT NOT NULL, -- the line @/dev/kmsg
  kind TEXT, -- class of message, a `kind` of kernel_message_pattern.csv, or 'other'
  address TEXT, -- PCI address that the line names, 'none' if it names none {address}
  PRIMARY KEY (host, position)
);

-- The processor. One row a host.
-- observed: ''
CREATE TABLE cpu (
  host TEXT NOT NULL, -- host
  vendor TEXT, -- maker {intel|amd|arm|nvidia|ibm|other} @/proc/cpuinfo
  model TEXT, -- model name @/proc/cpuinfo
  family INTEGER, -- cpu family @/proc/cpuinfo
  model_number INTEGER, -- model @/proc/cpuinfo
  stepping INTEGER, -- stepping @/proc/cpuinfo
  physical_address_bits INTEGER, -- physical address bits @/proc/cpuinfo
  virtualization TEXT, -- hardware virtualization that the CPU shows {vmx|svm|el2|none} @/proc/cpuinfo
  confidential TEXT, -- confidential computing that the host has enabled {none|sev|sev-es|sev-snp|tdx|cca} @/sys/module/kvm_amd/parameters/sev_snp
  PRIMARY KEY (host)
);

-- KVM. One row a host.
-- observed: ''
CREATE TABLE kvm (
  host TEXT NOT NULL, -- host
  device TEXT, -- /dev/kvm {present|none} @/dev/kvm
  accessible INTEGER, -- this user can open it {0|1} @/dev/kvm
  module TEXT, -- the module behind it: kvm_intel, kvm_amd, kvm (ARM, built in), kvm_pvm, 'none' @/sys/module
  nested INTEGER, -- nested virtualization is on {0|1} @/sys/module/{module}/parameters/nested
  proof TEXT, -- what running a tiny guest showed (--prove-kvm) {hardware|software|failed}
  PRIMARY KEY (host)
);

-- Memory, limits and hugepages of the host as a whole. One row a host. Bytes.
-- observed: ''
CREATE TABLE memory (
  host TEXT NOT NULL, -- host
  total_bytes INTEGER, -- MemTotal @/proc/meminfo
  available_bytes INTEGER, -- MemAvailable @/proc/meminfo
  hugepage_bytes INTEGER, -- default hugepage size @/proc/meminfo
  hugepages_total INTEGER, -- hugepages of the default size @/proc/meminfo
  hugepages_free INTEGER, -- free ones of them @/proc/meminfo
  hugepages_1g_total INTEGER, -- hugepages of 1 GiB, all nodes @/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages
  hugepages_1g_free INTEGER, -- free ones of them @/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages
  memlock_bytes INTEGER, -- RLIMIT_MEMLOCK that a VMM will run under; -1 is unlimited @/proc/self/limits
  memlock_of TEXT, -- whose limit it is: 'self', a systemd unit, a user
  overcommit INTEGER, -- vm.overcommit_memory @/proc/sys/vm/overcommit_memory
  PRIMARY KEY (host)
);

-- Memory of each NUMA node. Bytes.
-- observed: ''
CREATE TABLE memory_node (
  host TEXT NOT NULL, -- host
  node INTEGER NOT NULL, -- NUMA node number
  total_bytes INTEGER, -- memory @/sys/devices/system/node/node{node}/meminfo
  free_bytes INTEGER, -- free memory @/sys/devices/system/node/node{node}/meminfo
  hugepages_2m_total INTEGER, -- 2 MiB pages @/sys/devices/system/node/node{node}/hugepages/hugepages-2048kB/nr_hugepages
  hugepages_2m_free INTEGER, -- free 2 MiB pages @/sys/devices/system/node/node{node}/hugepages/hugepages-2048kB/free_hugepages
  hugepages_1g_total INTEGER, -- 1 GiB pages @/sys/devices/system/node/node{node}/hugepages/hugepages-1048576kB/nr_hugepages
  hugepages_1g_free INTEGER, -- free 1 GiB pages @/sys/devices/system/node/node{node}/hugepages/hugepages-1048576kB/free_hugepages
  PRIMARY KEY (host, node)
);

-- Every PCI function of the host, bridges included. Capability columns come from config space
-- (level 1): NULL where it was not read.
-- observed: ''
CREATE TABLE pci_function (
  host TEXT NOT NULL, -- host
  address TEXT NOT NULL, -- PCI address DDDD:BB:DD.F {address}
  vendor TEXT, -- vendor id, 4 hex digits: 10de {hex4} @/sys/bus/pci/devices/{address}/vendor
  device TEXT, -- device id, 4 hex digits: 2330 {hex4} @/sys/bus/pci/devices/{address}/device
  subsystem_vendor TEXT, -- subsystem vendor id {hex4} @/sys/bus/pci/devices/{address}/subsystem_vendor
  subsystem_device TEXT, -- subsystem id {hex4} @/sys/bus/pci/devices/{address}/subsystem_device
  class TEXT, -- class, 6 hex digits: 030200 {hex6} @/sys/bus/pci/devices/{address}/class
  revision TEXT, -- revision, 2 hex digits {hex2} @/sys/bus/pci/devices/{address}/revision
  driver TEXT, -- bound driver, 'none' if unbound @/sys/bus/pci/devices/{address}/driver
  driver_override TEXT, -- driver_override, 'none' if not set @/sys/bus/pci/devices/{address}/driver_override
  parent TEXT, -- address of the bridge above, 'none' on a root bus {address} @/sys/bus/pci/devices/{address}
  physical_function TEXT, -- the PF of a VF, 'none' if this is no VF {address} @/sys/bus/pci/devices/{address}/physfn
  iommu_group TEXT, -- IOMMU group number, 'none' without a group @/sys/bus/pci/devices/{address}/iommu_group
  iommu_group_origin TEXT, -- seen, or predicted from the topology while the IOMMU is off {observed|predicted}
  numa_node INTEGER, -- NUMA node, -1 for none @/sys/bus/pci/devices/{address}/numa_node
  enabled INTEGER, -- enable count @/sys/bus/pci/devices/{address}/enable
  boot_vga INTEGER, -- is the firmware's primary display {0|1} @/sys/bus/pci/devices/{address}/boot_vga
  power_state TEXT, -- power state as the kernel remembers it {D0|D1|D2|D3hot|D3cold|unknown|error} @/sys/bus/pci/devices/{address}/power_state
  runtime_status TEXT, -- runtime power management {active|suspended|suspending|resuming|unsupported|error} @/sys/bus/pci/devices/{address}/power/runtime_status
  d3cold_allowed INTEGER, -- may be put into D3cold {0|1} @/sys/bus/pci/devices/{address}/d3cold_allowed
  reset_methods TEXT, -- usable reset methods, first used first: 'flr bus', 'none' if empty @/sys/bus/pci/devices/{address}/reset_method
  sriov_totalvfs INTEGER, -- VFs it can have, 0 if no SR-IOV @/sys/bus/pci/devices/{address}/sriov_totalvfs
  sriov_numvfs INTEGER, -- VFs it has now @/sys/bus/pci/devices/{address}/sriov_numvfs
  sriov_vf_device TEXT, -- device id of its VFs {hex4} @/sys/bus/pci/devices/{address}/sriov_vf_device
  sriov_drivers_autoprobe INTEGER, -- VFs are probed by drivers at once {0|1} @/sys/bus/pci/devices/{address}/sriov_drivers_autoprobe
  link_speed_max TEXT, -- best link speed: '32.0 GT/s PCIe' @/sys/bus/pci/devices/{address}/max_link_speed
  link_width_max INTEGER, -- widest link in lanes, 0 if no link @/sys/bus/pci/devices/{address}/max_link_width
  link_speed TEXT, -- current link speed (level 1) @/sys/bus/pci/devices/{address}/current_link_speed
  link_width INTEGER, -- current link width (level 1) @/sys/bus/pci/devices/{address}/current_link_width
  header_type TEXT, -- config header {endpoint|bridge|cardbus|broken} @/sys/bus/pci/devices/{address}/config
  port_type TEXT, -- PCI Express port type {endpoint|legacy-endpoint|root-port|upstream|downstream|pcie-to-pci|pci-to-pcie|root-complex-endpoint|event-collector|conventional} @/sys/bus/pci/devices/{address}/config
  multifunction INTEGER, -- header says that the slot has further functions {0|1} @/sys/bus/pci/devices/{address}/config
  interrupt_pin TEXT, -- INTx pin {none|A|B|C|D} @/sys/bus/pci/devices/{address}/config
  msi_vectors INTEGER, -- MSI vectors, 0 without the capability @/sys/bus/pci/devices/{address}/config
  msix_vectors INTEGER, -- MSI-X vectors, 0 without the capability @/sys/bus/pci/devices/{address}/config
  flr INTEGER, -- function-level reset by PCIe or AF capability {0|1} @/sys/bus/pci/devices/{address}/config
  ari INTEGER, -- has the ARI capability {0|1} @/sys/bus/pci/devices/{address}/config
  ari_forwarding_capable INTEGER, -- port can forward ARI (DevCap2) {0|1} @/sys/bus/pci/devices/{address}/config
  ari_forwarding INTEGER, -- port forwards ARI (DevCtl2) {0|1} @/sys/bus/pci/devices/{address}/config
  atomic_routing INTEGER, -- port routes AtomicOps (DevCap2) {0|1} @/sys/bus/pci/devices/{address}/config
  acs_capable TEXT, -- ACS controls that it has: letters of SV TB RR CR UF EC DT joined by '+', 'none' without ACS, 'empty' with ACS but none of them @/sys/bus/pci/devices/{address}/config
  acs_enabled TEXT, -- ACS controls that are on, likewise, 'none' if none @/sys/bus/pci/devices/{address}/config
  ats INTEGER, -- has the ATS capability {0|1} @/sys/bus/pci/devices/{address}/config
  pasid INTEGER, -- has the PASID capability {0|1} @/sys/bus/pci/devices/{address}/config
  resizable_bar INTEGER, -- has the Resizable BAR capability {0|1} @/sys/bus/pci/devices/{address}/config
  serial_capability INTEGER, -- has the Device Serial Number capability (the number itself is not kept) {0|1} @/sys/bus/pci/devices/{address}/config
  p2p_clique TEXT, -- GPUDirect peer clique that a hypervisor declares by NVIDIA's vendor-specific capability "P2P": its number, 'none' without it @/sys/bus/pci/devices/{address}/config
  vgpu_mode TEXT, -- how the host offers vGPUs on this PF: read from sysfs, never inferred {none|mdev|sriov-mdev|vendor-vfio} @/sys/bus/pci/devices/{address}
  vgpu_type_current TEXT, -- vGPU type set on this VF in vendor-VFIO mode, 'none' if 0 @/sys/bus/pci/devices/{address}/nvidia/current_vgpu_type
  PRIMARY KEY (host, address)
);

-- Memory regions of a PCI function: BARs, ROM, VF BARs. Sizes in bytes, 0 if not implemented.
-- observed: address
CREATE TABLE pci_bar (
  host TEXT NOT NULL, -- host
  address TEXT NOT NULL, -- PCI address {address}
  kind TEXT NOT NULL, -- what it is {bar|rom|vf-bar|window}
  bar INTEGER NOT NULL, -- number: 0 to 5 (bar, vf-bar), 0 (rom), 0 to 3 (window of a bridge)
  size_bytes INTEGER, -- size; of a vf-bar the size of all VFs' together @/sys/bus/pci/devices/{address}/resource
  start_address INTEGER, -- bus address where it is mapped, 0 if unassigned @/sys/bus/pci/devices/{address}/resource
  assigned INTEGER, -- has an address {0|1} @/sys/bus/pci/devices/{address}/resource
  io INTEGER, -- I/O ports instead of memory {0|1} @/sys/bus/pci/devices/{address}/resource
  bits64 INTEGER, -- 64-bit memory BAR {0|1} @/sys/bus/pci/devices/{address}/resource
  prefetchable INTEGER, -- prefetchable {0|1} @/sys/bus/pci/devices/{address}/resource
  PRIMARY KEY (host, address, kind, bar)
);

-- Memory that a host bridge forwards to its root bus, as the firmware or VMM gave it. Observed in guests alone: what a
-- board has is its BIOS's affair, what a guest has is a setting of its VMM.
-- observed: ''
CREATE TABLE pci_root_window (
  host TEXT NOT NULL, -- host
  bus TEXT NOT NULL, -- root bus, DDDD:BB
  start_address INTEGER NOT NULL, -- first address
  end_address INTEGER, -- last address @/proc/iomem
  PRIMARY KEY (host, bus, start_address)
);

-- IOMMU groups.
-- observed: ''
CREATE TABLE iommu_group (
  host TEXT NOT NULL, -- host
  iommu_group TEXT NOT NULL, -- group number
  type TEXT, -- default domain {DMA|DMA-FQ|identity|unmanaged|blocked|auto} @/sys/kernel/iommu_groups/{iommu_group}/type
  reserved_direct INTEGER, -- number of 'direct' reserved regions (RMRR, IVMD, RMR: the kernel refuses VFIO) @/sys/kernel/iommu_groups/{iommu_group}/reserved_regions
  reserved_relaxable INTEGER, -- number of 'direct-relaxable' ones (harmless) @/sys/kernel/iommu_groups/{iommu_group}/reserved_regions
  vfio_node TEXT, -- /dev/vfio/GROUP {present|none} @/dev/vfio/{iommu_group}
  vfio_node_owner TEXT, -- user:group of that node
  vfio_node_mode TEXT, -- mode of that node in octal: 600
  PRIMARY KEY (host, iommu_group)
);

-- The IOMMU as a whole. One row a host.
-- observed: ''
CREATE TABLE iommu (
  host TEXT NOT NULL, -- host
  state TEXT, -- on: devices have IOMMU groups; off: the kernel shows none {on|off} @/sys/kernel/iommu_groups
  kind TEXT, -- kind of unit {intel|amd|arm-smmu-v3|arm-smmu|virtio|s390|other|none} @/sys/class/iommu
  units INTEGER, -- number of units @/sys/class/iommu
  firmware_table TEXT, -- ACPI table that describes it: without one the firmware has it off or absent {DMAR|IVRS|IORT|VIOT|none} @/sys/firmware/acpi/tables
  address_bits INTEGER, -- address bits that it can map (Intel MGAW, AMD VASIZE), the least of all units @/sys/class/iommu/dmar0/intel-iommu/cap
  interrupt_remapping TEXT, -- interrupt remapping {on|off} @/dev/kmsg
  passthrough INTEGER, -- default domains are identity (iommu=pt) {0|1} @/proc/cmdline
  noiommu INTEGER, -- vfio's unsafe no-IOMMU mode is on {0|1} @/sys/module/vfio/parameters/enable_unsafe_noiommu_mode
  iommufd TEXT, -- /dev/iommu {present|none} @/dev/iommu
  vfio_cdev TEXT, -- /dev/vfio/devices: VFIO character devices {present|none} @/dev/vfio/devices
  PRIMARY KEY (host)
);

-- vGPU types that a parent (PF or VF) offers.
-- observed: address
CREATE TABLE vgpu_type (
  host TEXT NOT NULL, -- host
  address TEXT NOT NULL, -- PF or VF that offers it {address}
  type TEXT NOT NULL, -- type as the driver names it: nvidia-742, or the number 742 in vendor-VFIO mode
  name TEXT, -- NVIDIA A2-4Q @/sys/class/mdev_bus/{address}/mdev_supported_types/{type}/name
  available INTEGER, -- how many more can be made here @/sys/class/mdev_bus/{address}/mdev_supported_types/{type}/available_instances
  device_api TEXT, -- vfio-pci @/sys/class/mdev_bus/{address}/mdev_supported_types/{type}/device_api
  PRIMARY KEY (host, address, type)
);

-- Mediated devices that exist.
-- observed: ''
CREATE TABLE mdev (
  host TEXT NOT NULL, -- host
  uuid TEXT NOT NULL, -- UUID
  parent TEXT, -- PCI function that carries it {address} @/sys/bus/mdev/devices/{uuid}
  type TEXT, -- type: nvidia-742 @/sys/bus/mdev/devices/{uuid}/mdev_type
  driver TEXT, -- bound driver, 'none' @/sys/bus/mdev/devices/{uuid}/driver
  iommu_group TEXT, -- IOMMU group @/sys/bus/mdev/devices/{uuid}/iommu_group
  PRIMARY KEY (host, uuid)
);

-- Kernel modules that matter: each that is loaded, built in, on disk, or was looked for and is not there.
-- observed: module
CREATE TABLE module (
  host TEXT NOT NULL, -- host
  module TEXT NOT NULL, -- name with underscores: nvidia, nvidia_vgpu_vfio, nouveau, nova_core, vfio_pci, mlx5_ib, …
  state TEXT, -- loaded, builtin, available (on disk for the running kernel), absent {loaded|builtin|available|absent} @/sys/module/{module}
  version TEXT, -- version of the loaded module {version} @/sys/module/{module}/version
  disk_version TEXT, -- version of the file for the running kernel, 'none' if there is no file {version} @/lib/modules
  license TEXT, -- licence of the file: 'NVIDIA', 'Dual MIT/GPL', 'GPL' @/lib/modules
  signer TEXT, -- signer of the file, 'none' if unsigned @/lib/modules
  signature_trusted INTEGER, -- the kernel trusts that signer's key {0|1} @/sys/module/{module}/taint
  refcount INTEGER, -- users of the loaded module @/sys/module/{module}/refcnt
  in_initramfs INTEGER, -- is in the initramfs of the running kernel {0|1} @/boot
  loaded_early INTEGER, -- the initramfs is configured to load it before devices are probed {0|1} @/etc/initramfs-tools/modules
  PRIMARY KEY (host, module)
);

-- Parameters of loaded modules.
-- observed: module
CREATE TABLE module_parameter (
  host TEXT NOT NULL, -- host
  module TEXT NOT NULL, -- module: vfio_pci, vfio_iommu_type1, nvidia_drm, kvm, …
  parameter TEXT NOT NULL, -- parameter: disable_idle_d3, modeset, allow_unsafe_interrupts, dma_entry_limit, …
  value TEXT, -- value: Y, N, a number @/sys/module/{module}/parameters/{parameter}
  PRIMARY KEY (host, module, parameter)
);

-- Lines of modprobe.d, modules-load.d and the like. A line for modprobe in a file that it does not read (a directory
-- misspelt, a name without .conf) is 'ignored', its argument the directive and the rest; whatever a facts file calls it.
-- observed: ''
CREATE TABLE module_directive (
  host TEXT NOT NULL, -- host
  file TEXT NOT NULL, -- file
  line INTEGER NOT NULL, -- line number, from 1
  directive TEXT, -- what it is {options|blacklist|softdep|install|alias|remove|load|ignored}
  module TEXT, -- module, with underscores
  argument TEXT, -- the rest of the line: 'ids=10de:2330,10de:22a3', 'pre: vfio-pci', 'none' @{file}
  PRIMARY KEY (host, file, line)
);

-- The NVIDIA driver as installed and loaded. One row a host.
-- observed: ''
CREATE TABLE nvidia_driver (
  host TEXT NOT NULL, -- host
  loaded_version TEXT, -- version of the loaded kernel module, 'none' if not loaded {version} @/proc/driver/nvidia/version
  loaded_flavour TEXT, -- flavour of the loaded module {open|proprietary|none} @/proc/driver/nvidia/version
  disk_version TEXT, -- version of the module on disk for the running kernel, 'none' if there is none {version} @/lib/modules
  next_disk_version TEXT, -- version of the module on disk for the kernel of the next boot, 'none' if there is none {version} @/lib/modules
  disk_flavour TEXT, -- flavour of that module, by its licence {open|proprietary|none} @/lib/modules
  library_version TEXT, -- version of libcuda/libnvidia-ml (userspace), 'none' if not installed {version} @/usr/lib
  firmware_version TEXT, -- version of the GSP firmware on disk, 'none' {version} @/lib/firmware/nvidia
  kind TEXT, -- data-centre/desktop driver, vGPU host driver (vgpu-kvm), or vGPU guest driver {standard|vgpu-host|vgpu-guest|none}
  vgpu_release TEXT, -- vGPU software release of a vGPU host driver: 17.1 {version}
  vgpu_host_mode TEXT, -- "Host VGPU Mode" as nvidia-smi says {sriov|non-sriov|none}
  license_status TEXT, -- vGPU licence of a guest {licensed|unlicensed|unlicensed-restricted|none}
  persistence_mode TEXT, -- persistence mode {on|off}
  in_container INTEGER, -- the driver is installed by a driver container (GPU Operator) instead of on the host {0|1} @/run/nvidia/driver
  PRIMARY KEY (host)
);

-- State of single NVIDIA GPUs that only the driver knows (procfs, or NVML at level 2).
-- observed: address
CREATE TABLE nvidia_gpu (
  host TEXT NOT NULL, -- host
  address TEXT NOT NULL, -- PCI address {address}
  model TEXT, -- model as the driver says @/proc/driver/nvidia/gpus/{address}/information
  vbios TEXT, -- VBIOS version @/proc/driver/nvidia/gpus/{address}/information
  mig_current TEXT, -- MIG mode {enabled|disabled|unsupported}
  mig_pending TEXT, -- MIG mode after the next reset {enabled|disabled|unsupported}
  gpu_instances INTEGER, -- number of MIG GPU instances @/proc/driver/nvidia/capabilities
  ecc_current TEXT, -- ECC {enabled|disabled|unsupported}
  cc_mode TEXT, -- confidential computing mode {on|off|devtools|ppcie|unsupported}
  fabric_state TEXT, -- NVLink fabric registration {completed|in-progress|not-started|not-supported}
  minor INTEGER, -- number of its /dev/nvidiaN @/proc/driver/nvidia/gpus/{address}/information
  PRIMARY KEY (host, address)
);

-- MIG instances.
-- observed: address
CREATE TABLE mig_instance (
  host TEXT NOT NULL, -- host
  address TEXT NOT NULL, -- GPU {address}
  gpu_instance INTEGER NOT NULL, -- GPU instance id
  profile TEXT, -- profile: 1g.10gb
  placement_start INTEGER, -- first memory slice
  compute_instances INTEGER, -- compute instances in it
  PRIMARY KEY (host, address, gpu_instance)
);

-- NVSwitch fabric and its manager. One row a host. How many NVSwitches there are is derived from
-- pci_function.
-- observed: ''
CREATE TABLE fabric (
  host TEXT NOT NULL, -- host
  manager_version TEXT, -- version of Fabric Manager, 'none' if not installed {version} @/usr/bin/nv-fabricmanager
  mode TEXT, -- FABRIC_MODE: 0 bare metal or full passthrough, 1 shared NVSwitch, 2 vGPU {0|1|2} @/usr/share/nvidia/nvswitch/fabricmanager.cfg
  partition_active INTEGER, -- a fabric partition is active for the GPUs to be passed {0|1}
  infiniband_devices INTEGER, -- number of InfiniBand devices (NVLink 5 boards manage the fabric through them) @/sys/class/infiniband
  PRIMARY KEY (host)
);

-- Services that matter: nvidia-persistenced, nvidia-fabricmanager, nvidia-vgpud, nvidia-vgpu-mgr,
-- nvidia-gridd, dcgm, docker, containerd, crio, libvirtd, virtqemud, kubelet, display-manager,
-- nvidia-cdi-refresh, unattended-upgrades, …
-- observed: service
CREATE TABLE service (
  host TEXT NOT NULL, -- host
  service TEXT NOT NULL, -- unit without .service
  state TEXT, -- running now; a probe takes a failed unit for inactive, since systemd alone knows {active|inactive|failed|absent} @/run/systemd/units/invocation:{service}.service
  enabled TEXT, -- started at boot {enabled|disabled|masked|static|absent} @/etc/systemd/system
  PRIMARY KEY (host, service)
);

-- Programs that matter, with their versions. 'none' as version: not installed; 'present': installed, in a
-- version that is not known. Names that rules
-- know: qemu, cloud-hypervisor, firecracker, crosvm, lkvm, libkrun, kata, libvirt, openvmm, rvvm, edk2
-- (OVMF), systemd, docker, podman, containerd, crio, runc, crun, runsc, nvidia-container-toolkit,
-- libnvidia-container, nvidia-smi, nvidia-modprobe, kubernetes, kubelet, kubevirt, gpu-operator,
-- vgpu-device-manager, dra-driver-nvidia-gpu, device-plugin, mdevctl, driverctl, proxmox-ve, harvester,
-- openstack-nova, i915-sriov-dkms, vendor-reset, gim, selinux-policy, mig-parted, openshell, vgpu-unlock, unraid,
-- intel-i915-dkms, xrt, nvlsm, amd-gpu-operator.
-- observed: name
CREATE TABLE software (
  host TEXT NOT NULL, -- host
  name TEXT NOT NULL, -- name as listed above
  version TEXT, -- version, 'none' if not installed, 'present' if its version is not known {version}
  path TEXT, -- binary or package that says so @{path}
  PRIMARY KEY (host, name)
);

-- Settings of programs, by component and key, for what has no table of its own. 'none' as value: not
-- set. docs/facts.md lists the components and keys that rules read (knowledge/matrices/known_setting.csv).
-- observed: component
CREATE TABLE setting (
  host TEXT NOT NULL, -- host
  component TEXT NOT NULL, -- program: docker, nvidia-container-runtime, kata, fabricmanager, containerd, k3s, …
  name TEXT NOT NULL, -- setting: cgroup-driver, no-cgroups, mode, machine_type, default_runtime_name, …
  value TEXT, -- value, 'none' if not set
  file TEXT, -- file that says so @{file}
  PRIMARY KEY (host, component, name)
);

-- CDI specification files.
-- observed: ''
CREATE TABLE cdi_spec (
  host TEXT NOT NULL, -- host
  path TEXT NOT NULL, -- file @{path}
  kind TEXT, -- nvidia.com/gpu @{path}
  cdi_version TEXT, -- cdiVersion {version} @{path}
  devices INTEGER, -- number of devices @{path}
  driver_version TEXT, -- driver version that its library paths carry, 'none' {version} @{path}
  missing_paths INTEGER, -- hostPath entries that do not exist on this host @{path}
  first_missing TEXT, -- the first of them, 'none' @{path}
  error TEXT, -- why it could not be read as CDI, 'none' @{path}
  PRIMARY KEY (host, path)
);

-- Device nodes and links that matter: /dev/nvidia*, /dev/nvidia-caps/*, /dev/vfio/vfio, /dev/char/195:*,
-- /dev/dri/*, /dev/kfd, /dev/vfio/devices/*, and sockets of container runtimes and device plugins.
-- observed: path
CREATE TABLE device_node (
  host TEXT NOT NULL, -- host
  path TEXT NOT NULL, -- path; '/dev/char/195:*' and '/dev/nvidia[0-9]*' stand for the whole family
  state TEXT, -- is there {present|none} @{path}
  address TEXT, -- PCI function that the node is for, 'none' if it is none; not told of /dev/nvidiaN: see nvidia_gpu.minor {address} @/sys/class
  owner TEXT, -- user:group @{path}
  mode TEXT, -- mode in octal: 666 @{path}
  selinux_context TEXT, -- SELinux type: xserver_misc_device_t, 'none' @{path}
  PRIMARY KEY (host, path)
);

-- The Kubernetes node, if it is one. One row a host.
-- observed: ''
CREATE TABLE kubernetes_node (
  host TEXT NOT NULL, -- host
  kubelet TEXT, -- kubelet on this host {running|installed|none} @/var/lib/kubelet
  flavour TEXT, -- what installed it {kubeadm|rke2|k3s|openshift|eks|gke|aks|talos|microk8s|harvester|other|none}
  container_runtime TEXT, -- runtime of the kubelet {containerd|crio|docker|other|none}
  device_plugin_socket TEXT, -- the NVIDIA device plugin's socket {present|none} @/var/lib/kubelet/device-plugins/nvidia-gpu.sock
  mig_strategy TEXT, -- device plugin's MIG strategy {none|single|mixed}
  nfd TEXT, -- Node Feature Discovery {present|none} @/etc/kubernetes/node-feature-discovery
  PRIMARY KEY (host)
);

-- Who holds a device: processes with it open, and holders without a process.
-- observed: address
CREATE TABLE holder (
  host TEXT NOT NULL, -- host
  address TEXT NOT NULL, -- device {address}
  holder TEXT NOT NULL, -- process name with pid 'qemu-system-x86[1234]', or fbcon, nvidia-drm, efifb, …
  kind TEXT, -- what it is {process|vmm|framebuffer-console|drm|module|service|map}
  via TEXT, -- what it holds: /dev/nvidia0, /dev/vfio/12, BAR 1 @/proc
  PRIMARY KEY (host, address, holder)
);

-- Running VMMs, seen by their KVM and VFIO descriptors.
-- observed: ''
CREATE TABLE running_vmm (
  host TEXT NOT NULL, -- host
  pid INTEGER NOT NULL, -- process id
  program TEXT, -- executable's name @/proc/{pid}/exe
  vmm TEXT, -- which VMM it is: qemu, cloud-hypervisor, firecracker, crosvm, lkvm, 'custom' @/proc/{pid}/exe
  has_uuid INTEGER, -- its arguments hold -uuid {0|1} @/proc/{pid}/cmdline
  vfio_devices INTEGER, -- VFIO descriptors open @/proc/{pid}/fd
  PRIMARY KEY (host, pid)
);

-- Framebuffers that firmware or a driver set up.
-- observed: ''
CREATE TABLE framebuffer (
  host TEXT NOT NULL, -- host
  name TEXT NOT NULL, -- device: efi-framebuffer.0, simple-framebuffer.0, vesa-framebuffer.0, fb0
  driver TEXT, -- what drives it: efifb, simpledrm, vesafb, 'none' @/sys/class/graphics
  start_address INTEGER, -- physical address @/proc/iomem
  end_address INTEGER, -- last byte @/proc/iomem
  address TEXT, -- PCI function whose BAR it lies in, 'none' {address} @/proc/iomem
  PRIMARY KEY (host, name)
);

-- What is to be attempted (--intent, or the facts of a ticket). One row a host. Rules about an intent
-- do not apply where the value they need is not given.
-- observed: ''
CREATE TABLE intent (
  host TEXT NOT NULL, -- host
  address TEXT, -- PCI function that shall be attached; one that is no known accelerator (a NIC, an id not told) is then judged as one {address}
  surface TEXT, -- surface wanted: qemu-vfio, container, …
  share TEXT, -- share wanted: whole, mig, vgpu, …
  vmm TEXT, -- VMM: qemu, cloud-hypervisor, firecracker, …
  vmm_version TEXT, -- its version {version}
  guest_memory_bytes INTEGER, -- guest memory
  guest_page_bytes INTEGER, -- page size that backs it: 4096, 2097152, 1073741824
  guest_address_bits INTEGER, -- physical address bits that the guest is given
  guest_firmware TEXT, -- firmware {ovmf|seabios|qboot|hypervisor-fw|edk2-ch|none}
  guest_firmware_version TEXT, -- its version, edk2-stableYYYYMM as YYYYMM {version}
  guest_mmio64_bytes INTEGER, -- 64-bit MMIO window that the VMM or firmware is configured for; 0: none
  guest_mmio32_bytes INTEGER, -- 32-bit MMIO window
  machine_type TEXT, -- machine type {q35|pc|microvm|virt|other}
  root_port INTEGER, -- the device is put behind a PCIe root port {0|1}
  hotplug INTEGER, -- the device is hot-plugged {0|1}
  uuid INTEGER, -- the VMM gets -uuid in its arguments {0|1}
  iommufd INTEGER, -- VFIO by iommufd {0|1}
  viommu INTEGER, -- the guest gets a virtual IOMMU {0|1}
  p2p_clique INTEGER, -- GPUDirect clique is set {0|1}
  vfio_p2p_dma TEXT, -- Cloud Hypervisor's vfio_p2p_dma {on|off}
  use_64bit_mmio INTEGER, -- ESXi: pciPassthru.use64bitMMIO=TRUE {0|1}
  devices INTEGER, -- accelerators to attach to one guest or container
  vfs INTEGER, -- VFs wanted on a PF
  vgpu_type TEXT, -- vGPU type wanted
  mig_profile TEXT, -- MIG profile wanted
  mig_change INTEGER, -- MIG mode or layout shall be changed {0|1}
  hugepages INTEGER, -- hugepages are asked for {0|1}
  snapshot INTEGER, -- snapshot or live migration is wanted {0|1}
  ballooning INTEGER, -- memory balloon or hot-plug is wanted {0|1}
  rootless INTEGER, -- container engine runs without root {0|1}
  device_nodes_explicit INTEGER, -- container gets /dev/nvidia* by explicit --device {0|1}
  injection TEXT, -- how the container gets the GPU {cdi|legacy|jit-cdi|device-plugin|none}
  start_timeout_seconds INTEGER, -- time that the orchestrator allows for the start
  rebind INTEGER, -- the device shall change drivers while the host runs {0|1}
  driver_version TEXT, -- driver version that the guest or container brings {version}
  confidential INTEGER, -- confidential VM wanted {0|1}
  PRIMARY KEY (host)
);

-- Arguments of the VMM or container engine that is to be started.
-- observed: target
CREATE TABLE intent_argument (
  host TEXT NOT NULL, -- host
  target TEXT NOT NULL, -- whose argument it is {vmm|container|guest-kernel}
  position INTEGER NOT NULL, -- order, from 0
  name TEXT, -- the argument up to '=': -uuid, --device, pciPassthru.use64bitMMIO
  value TEXT, -- after '=', 'none' if there is none
  PRIMARY KEY (host, target, position)
);

-- == derived ==

-- The accelerators: PCI functions that are a GPU, FPGA, DPU or AI processor, with what knowledge
-- says of their id. Subject of most rules.
-- observed: ''
CREATE TABLE accelerator (
  host TEXT NOT NULL, -- host
  address TEXT NOT NULL, -- PCI address
  parent TEXT, -- the PF if this is a VF, 'none' if not
  is_vf INTEGER NOT NULL, -- is a VF {0|1}
  vendor TEXT, -- vendor id
  device TEXT, -- device id
  subsystem_vendor TEXT, -- subsystem vendor id
  subsystem_device TEXT, -- subsystem id
  class TEXT, -- class
  kind TEXT, -- what it is; 'other' only because an intent names it {gpu|fpga|dpu|ai|other}
  name TEXT, -- name for a person
  model TEXT, -- model as the matrices name it: H100, A100, B200, L40S; NULL if knowledge does not have the id
  generation TEXT, -- generation: hopper, ampere, ada, blackwell, turing, cdna3, xe-hpc, …
  chip TEXT, -- chip: GH100
  segment TEXT, -- market it was sold to {datacenter|workstation|consumer|mobile|embedded|integrated}
  mig TEXT, -- MIG by knowledge {yes|no}
  vgpu TEXT, -- vGPU by knowledge {yes|no}
  vgpu_needs_mig TEXT, -- time-sliced types do not exist: vGPU is MIG-backed only {yes|no}
  open_module TEXT, -- need of the open kernel modules {required|supported|unsupported}
  last_driver TEXT, -- last driver branch that has it, 'none' if there is no end yet {version}
  first_driver TEXT, -- first driver version that has it, 'none' if not known {version}
  nvswitch TEXT, -- board is behind NVSwitch {yes|no}
  confidential TEXT, -- confidential computing by knowledge {yes|no}
  reset_bug TEXT, -- known not to come back from a reset after a guest had it {yes|no}
  driver TEXT, -- bound driver
  driver_override TEXT, -- driver_override
  iommu_group TEXT, -- IOMMU group
  iommu_group_origin TEXT, -- observed or predicted {observed|predicted}
  numa_node INTEGER, -- NUMA node
  vgpu_mode TEXT, -- vGPU mode of the host on it
  sriov_totalvfs INTEGER, -- VFs possible
  sriov_numvfs INTEGER, -- VFs there are
  reset_methods TEXT, -- reset methods
  flr INTEGER, -- has FLR {0|1}
  msix_vectors INTEGER, -- MSI-X vectors
  msi_vectors INTEGER, -- MSI vectors
  power_state TEXT, -- power state
  boot_vga INTEGER, -- boot display {0|1}
  bars_known INTEGER NOT NULL, -- its BARs were read {0|1}
  largest_bar_bytes INTEGER, -- largest memory BAR
  bar_bytes INTEGER, -- sum of memory BARs
  bar_bytes_32 INTEGER, -- sum of 32-bit memory BARs
  bars_unassigned INTEGER, -- implemented memory BARs without an address
  vf_bars_unassigned INTEGER, -- VF BARs without an address
  PRIMARY KEY (host, address)
);

-- Options of the three command lines, parsed as the kernel does (quotes, dashes as underscores in names).
-- observed: which
CREATE TABLE cmdline_option (
  host TEXT NOT NULL, -- host
  which TEXT NOT NULL, -- whose {running|configured|next}
  position INTEGER NOT NULL, -- order, from 0
  name TEXT NOT NULL, -- name, dashes as underscores: intel_iommu, vfio_pci.ids
  value TEXT, -- value, 'none' if it has none
  PRIMARY KEY (host, which, position)
);

-- PCI ids that vfio-pci (or pci-stub) is told to take: from the running command line and modprobe options.
-- observed: ''
CREATE TABLE stub_id (
  host TEXT NOT NULL, -- host
  driver TEXT NOT NULL, -- driver told {vfio_pci|pci_stub}
  vendor TEXT NOT NULL, -- vendor id
  device TEXT NOT NULL, -- device id
  source TEXT NOT NULL, -- where it says so: /proc/cmdline or a file
  PRIMARY KEY (host, driver, vendor, device, source)
);

-- The bridges above an accelerator, nearest first.
-- observed: ''
CREATE TABLE pci_ancestor (
  host TEXT NOT NULL, -- host
  address TEXT NOT NULL, -- accelerator
  ancestor TEXT NOT NULL, -- bridge above it
  depth INTEGER NOT NULL, -- 1 for the bridge right above
  beside INTEGER NOT NULL, -- other functions right below the same bridge as it, or on the same root bus @pci_function.parent
  PRIMARY KEY (host, address, ancestor)
);

-- The functions of each IOMMU group that an accelerator is in.
-- observed: ''
CREATE TABLE iommu_group_function (
  host TEXT NOT NULL, -- host
  iommu_group TEXT NOT NULL, -- group @pci_function.iommu_group
  address TEXT NOT NULL, -- function in it
  PRIMARY KEY (host, iommu_group, address)
);

-- What an IOMMU group holds, for each group that an accelerator is in.
-- observed: ''
CREATE TABLE iommu_group_member (
  host TEXT NOT NULL, -- host
  iommu_group TEXT NOT NULL, -- group
  members INTEGER NOT NULL, -- functions in it
  endpoints INTEGER NOT NULL, -- functions in it that are no bridges
  accelerators INTEGER NOT NULL, -- accelerators in it that are no VFs
  slots INTEGER NOT NULL, -- physical slots (bus and device) of the accelerators in it
  foreign_bound INTEGER NOT NULL, -- endpoints bound to a driver that is not VFIO's
  driver_unknown INTEGER NOT NULL, -- endpoints whose driver is unknown
  listing TEXT NOT NULL, -- '0000:01:00.0 nvidia, 0000:01:00.1 snd_hda_intel'
  foreign_listing TEXT NOT NULL, -- those of them that are foreign, 'none'
  PRIMARY KEY (host, iommu_group)
);

-- The version of each program that counts: the one that an intent names for its VMM, else that of the host's.
-- observed: ''
CREATE TABLE program (
  host TEXT NOT NULL, -- host
  name TEXT NOT NULL, -- name as in `software`
  version TEXT, -- version, as in `software` {version} @software.version
  PRIMARY KEY (host, name)
);

-- Releases of which a regression is known (matrix `regression`) that their version, as far as it is seen, does not rule out.
-- observed: ''
CREATE TABLE suspect_release (
  host TEXT NOT NULL, -- host
  name TEXT NOT NULL, -- name as in `regression`
  PRIMARY KEY (host, name)
);

-- What the kernel log tells, by class of message; '' as address counts all lines of the class.
-- observed: ''
CREATE TABLE kernel_told (
  host TEXT NOT NULL, -- host
  kind TEXT NOT NULL, -- class of message, never 'other'
  address TEXT NOT NULL, -- PCI address that the lines name, 'none' if they name none, '' for all lines
  told INTEGER NOT NULL, -- how many there are @kernel_message.message
  first_line TEXT NOT NULL, -- the first of them in byte order @kernel_message.message
  PRIMARY KEY (host, kind, address)
);

-- Counts over the whole host. One row a host.
-- observed: ''
CREATE TABLE host_summary (
  host TEXT NOT NULL, -- host
  accelerators INTEGER NOT NULL, -- accelerators that are no VFs
  nvidia_accelerators INTEGER NOT NULL, -- NVIDIA ones of them
  nvswitches INTEGER NOT NULL, -- NVSwitch functions
  pci_seen INTEGER NOT NULL, -- pci_function was observed whole {0|1}
  guest INTEGER, -- the host is itself a guest: its PCI is as a VMM presents it (Xen's dom0 is none) {0|1} @machine.hypervisor
  ungrouped INTEGER NOT NULL, -- PCI functions whose IOMMU group is not known @pci_function.iommu_group
  vfio_bound INTEGER NOT NULL, -- PCI functions bound to vfio-pci @pci_function.driver
  PRIMARY KEY (host)
);
