-- The matrices: what is known of devices, surfaces, VMMs and drivers. SPDX-License-Identifier: Apache-2.0
--
-- Table NAME holds the rows of NAME.csv. The format is that of lib/facts/schema.sql (its head tells it; the
-- loader reads the column list from here): {a|b|c} is the whole domain of a column, {0|1} a flag, {version}
-- gets a companion NAME_key. An empty field is NULL (unknown, or for a date: no bound) where the column may
-- be NULL, and '' where it is NOT NULL. 'none' is a value: known not to exist. Ids are lower-case hex
-- without 0x. Dates are YYYY-MM-DD. `source` says where a row comes from, several separated by ' | ': an
-- address, or REPOSITORY:PATH@COMMIT.

-- The date and version of this knowledge. One row.
-- observed: ''
CREATE TABLE knowledge_info (
  name TEXT NOT NULL, -- 'happypath'
  version TEXT NOT NULL, -- version of the knowledge: YYYY.MM.N
  as_of TEXT NOT NULL, -- day up to which its sources were read
  source TEXT NOT NULL, -- who vouches for it
  PRIMARY KEY (name)
);

-- Vendors, with the words that people call them by.
-- observed: ''
CREATE TABLE vendor (
  vendor TEXT NOT NULL, -- PCI vendor id
  name TEXT NOT NULL, -- name
  words TEXT NOT NULL, -- lower-case words that --vendor takes besides the id
  source TEXT NOT NULL, -- source
  PRIMARY KEY (vendor)
);

-- Accelerators by PCI id. The row with the subsystem wins over the one without.
-- observed: ''
CREATE TABLE accelerator_model (
  vendor TEXT NOT NULL, -- PCI vendor id: 10de
  device TEXT NOT NULL, -- PCI device id: 2330
  subsystem TEXT NOT NULL, -- '' for all boards, or subsystem ids as 'vvvv:dddd'
  kind TEXT NOT NULL, -- what it is {gpu|fpga|dpu|ai}
  is_vf INTEGER NOT NULL, -- the id belongs to VFs alone {0|1}
  pf_device TEXT, -- device id of the PF that such VFs belong to
  name TEXT NOT NULL, -- name for a person
  model TEXT, -- short name as support.csv uses it: H100, A100, B200, L40S, MI300X
  generation TEXT, -- generation: maxwell pascal volta turing ampere ada hopper blackwell; gcn vega rdna1.. cdna1..; gen9.. xe-hpg xe-hpc battlemage; gaudi2; alveo; bluefield3
  chip TEXT, -- chip: GH100
  segment TEXT, -- market it was sold to {datacenter|workstation|consumer|mobile|embedded|integrated}
  memory_gib INTEGER, -- memory on board
  form_factor TEXT, -- form factor: sxm, pcie, nvl, mxm, oam, superchip, …
  mig TEXT, -- has MIG {yes|no}
  mig_max_instances INTEGER, -- most GPU instances
  vgpu TEXT, -- the vendor licenses vGPU on it, now or in a past branch {yes|no}
  vgpu_mechanism TEXT, -- how its vGPUs are made, where its host allows no other {mdev|sriov}
  vgpu_needs_mig TEXT, -- it has MIG-backed vGPU types only {yes|no}
  vgpu_last TEXT, -- last vGPU release that has it, 'none' if there is no end yet {version}
  open_module TEXT, -- need of the open kernel modules {required|supported|unsupported}
  first_driver TEXT, -- first driver version that has it {version}
  last_driver TEXT, -- last driver branch that has it, 'none' if there is no end yet {version}
  nvswitch TEXT, -- sits on a board with NVSwitch {yes|no}
  confidential TEXT, -- confidential computing {yes|no}
  reset_bug TEXT, -- known not to come back from a reset after a guest had it {yes|no}
  source TEXT NOT NULL, -- source
  PRIMARY KEY (vendor, device, subsystem)
);

-- What PCI classes make a function of a vendor an accelerator although its id is not in accelerator_model.
-- The longest prefix wins.
-- observed: ''
CREATE TABLE accelerator_class (
  vendor TEXT NOT NULL, -- PCI vendor id
  class_prefix TEXT NOT NULL, -- first digits of the class: 0300, 0302, 0380, 1200
  kind TEXT NOT NULL, -- what it then is {gpu|fpga|dpu|ai}
  source TEXT NOT NULL, -- source
  PRIMARY KEY (vendor, class_prefix)
);

-- Functions that belong to accelerators without being one: switches of their fabric. Both ends of a range
-- of device ids are inclusive.
-- observed: ''
CREATE TABLE fabric_device (
  vendor TEXT NOT NULL, -- PCI vendor id
  device_first TEXT NOT NULL, -- first device id of the range
  device_last TEXT NOT NULL, -- last device id of the range
  kind TEXT NOT NULL, -- what it is {nvswitch}
  name TEXT NOT NULL, -- name
  source TEXT NOT NULL, -- source
  PRIMARY KEY (vendor, device_first)
);

-- The surfaces: ways to attach an accelerator to a workload.
-- observed: ''
CREATE TABLE surface (
  surface TEXT NOT NULL, -- word: qemu-vfio
  position INTEGER NOT NULL, -- order in listings, from 1
  title TEXT NOT NULL, -- name for a person
  family TEXT NOT NULL, -- who owns the kernel that the workload runs on {container|vm|micro-vm|hypervisor}
  first_nine INTEGER NOT NULL, -- one of the nine that are shown by default {0|1}
  probed INTEGER NOT NULL, -- its host is a Linux that can be probed {0|1}
  source TEXT NOT NULL, -- source
  PRIMARY KEY (surface)
);

-- The shares that a surface has, by vendor and kind of accelerator: each row is an offer for each such
-- accelerator.
-- observed: ''
CREATE TABLE surface_share (
  surface TEXT NOT NULL, -- surface
  share TEXT NOT NULL, -- share {whole|mig|vgpu|mig-vgpu|vf|partition|time-slice|mps}
  kind TEXT NOT NULL, -- kind of accelerator; 'other' is a function that an intent names {gpu|fpga|dpu|ai|other}
  vendor TEXT NOT NULL, -- PCI vendor id, '*' for any
  mechanism TEXT NOT NULL, -- words that rules may ask for with '@': container vm vfio vgpu mdev mig vf qemu …
  isolation TEXT NOT NULL, -- what keeps tenants apart {shared-kernel|vm}
  vmm TEXT NOT NULL, -- name in `software` of the program that holds the device: qemu, cloud-hypervisor; 'none' for containers
  base_surface TEXT NOT NULL, -- surface it runs on: its path is the worse of its own and that one's at the same share; 'none'
  PRIMARY KEY (surface, share, kind, vendor)
);

-- The dated matrix: the device vendor's stance. `since` is inclusive, `until` exclusive; no date: no bound.
-- The most specific row wins: id > model > trait > chip > generation > any. Two rows of one rank that match
-- one device on one day contradict each other: the validator refuses them.
-- observed: ''
CREATE TABLE support (
  surface TEXT NOT NULL, -- surface
  share TEXT NOT NULL, -- share
  kind TEXT NOT NULL, -- kind of accelerator {gpu|fpga|dpu|ai}
  vendor TEXT NOT NULL, -- PCI vendor id
  match_kind TEXT NOT NULL, -- what of accelerator_model is compared {id|model|trait|chip|generation|any}
  match_value TEXT NOT NULL, -- with what: a device id, a model, a chip, a generation; trait: mig, no-mig, vgpu, no-vgpu, consumer; '*' for any
  since TEXT NOT NULL, -- first day, '' since before our records
  until TEXT, -- first day that it no longer holds, NULL still true
  path TEXT NOT NULL, -- stance {on|caution|off}
  condition TEXT, -- what it asks for, for a person
  reason TEXT, -- why, for a person
  source TEXT NOT NULL, -- source
  approximate INTEGER NOT NULL, -- a date of it is approximate {0|1}
  checked TEXT NOT NULL, -- day that the source was last read
  PRIMARY KEY (surface, share, kind, vendor, match_kind, match_value, since)
);

-- What a choice of surface and share costs against the best there is. share '*' stands for all shares that
-- have no row of their own for that surface and kind of cost; vendor '*' likewise.
-- observed: ''
CREATE TABLE cost (
  surface TEXT NOT NULL, -- surface
  share TEXT NOT NULL, -- share or '*'
  vendor TEXT NOT NULL, -- PCI vendor id or '*'
  kind TEXT NOT NULL, -- what it costs {driver-work|slices-lost|churn|support-lost|boot-time|isolation}
  amount INTEGER, -- amount, where it is a number
  unit TEXT, -- its unit: ms, engineer-months, releases a year
  level INTEGER NOT NULL, -- 0 nothing, 1 little, 2 much, 3 nobody is known to have paid it off
  value TEXT NOT NULL, -- the cost in words
  estimate INTEGER NOT NULL, -- an estimate of ours, not a figure of the source {0|1}
  source TEXT NOT NULL, -- source, or what the estimate rests on
  PRIMARY KEY (surface, share, vendor, kind)
);

-- Rates for estimates of time to a running guest.
-- observed: ''
CREATE TABLE boot_rate (
  term TEXT NOT NULL, -- part of the time to a running guest {vmm-and-kernel-start|zero-memory|pin-memory|map-bar|dma-map-bar|reset|guest-driver}
  variant TEXT NOT NULL, -- when it holds: a page size, a kernel, a way of resetting, a vendor; '' always
  surface TEXT NOT NULL, -- surface it holds for, or mechanism with '@', '*' for all
  low_us INTEGER NOT NULL, -- least time, in microseconds
  high_us INTEGER, -- most time, in microseconds, NULL if nobody says
  per TEXT NOT NULL, -- of what it is a rate {once|gib-of-memory|gib-of-bar}
  note TEXT NOT NULL, -- what was measured, or what is not known
  source TEXT, -- source, NULL if there is none
  checked TEXT NOT NULL, -- day the source was last read, YYYY-MM-DD
  PRIMARY KEY (term, variant, surface)
);

-- How a machine's maker calls a setting of its firmware, for fixes that nobody but a person at the
-- setup can carry out. No row: the fix's own words.
-- observed: ''
CREATE TABLE firmware_menu (
  maker TEXT NOT NULL, -- how DMI's system vendor starts, in lower case: supermicro
  fix TEXT NOT NULL, -- id of the fix
  words TEXT NOT NULL, -- the setting, as the manual calls it
  source TEXT NOT NULL, -- manual
  checked TEXT NOT NULL, -- day the source was last read, YYYY-MM-DD
  PRIMARY KEY (maker, fix)
);

-- Features of VMMs and host kernels by version. No row: not known.
-- observed: ''
CREATE TABLE vmm_feature (
  vmm TEXT NOT NULL, -- name as in `software`, or 'linux'
  feature TEXT NOT NULL, -- word: vfio, iommufd, root-port, gpudirect-clique, large-bar-aligned-mmap, …
  since TEXT, -- first version with it, 'none' if no release has it {version}
  until TEXT, -- first version without it again, 'none' if it is still there {version}
  released TEXT, -- day of the first version with it
  status TEXT NOT NULL, -- how far it is {yes|experimental|unreleased|no}
  note TEXT, -- detail
  source TEXT NOT NULL, -- source
  PRIMARY KEY (vmm, feature)
);

-- NVIDIA driver branches.
-- observed: ''
CREATE TABLE driver_branch (
  branch INTEGER NOT NULL, -- branch: 580
  kind TEXT, -- kind of branch {long-term|production|new-feature}
  first_release TEXT, -- first release, YYYY-MM or YYYY-MM-DD
  latest TEXT, -- latest version seen {version}
  latest_date TEXT, -- its day
  end_of_life TEXT, -- day or month that support ends
  open_module TEXT, -- open kernel modules of the branch {none|supported|default|only}
  first_generation TEXT, -- oldest generation it drives
  vgpu_release TEXT, -- vGPU software release of this branch, 'none' if there is none {version}
  note TEXT, -- what changed for virtualisation
  source TEXT NOT NULL, -- source
  PRIMARY KEY (branch)
);

-- Releases of NVIDIA vGPU software.
-- observed: ''
CREATE TABLE vgpu_release (
  release TEXT NOT NULL, -- release: 18.4 {version}
  branch INTEGER, -- driver branch
  host_driver TEXT, -- version of the host driver (vGPU manager) {version}
  released TEXT, -- day or month
  end_of_life TEXT, -- end of the branch
  hypervisors TEXT, -- hypervisors it names
  note TEXT, -- detail
  source TEXT NOT NULL, -- source
  PRIMARY KEY (release)
);

-- Which driver branches carry vGPU types for an id. Absence from one branch is not "no vGPU".
-- observed: ''
CREATE TABLE vgpu_branch (
  device TEXT NOT NULL, -- PCI device id
  branches TEXT NOT NULL, -- branches seen with types: words such as 550 570 580
  first_version TEXT, -- first version seen with types {version}
  last_version TEXT, -- last version seen with types {version}
  types INTEGER, -- number of types in it
  source TEXT NOT NULL, -- source
  PRIMARY KEY (device)
);

-- vGPU types that drivers have for an id.
-- observed: ''
CREATE TABLE vgpu_type_model (
  device TEXT NOT NULL, -- PCI device id of the board
  subsystem TEXT NOT NULL, -- subsystem ids that the vGPU shows, 'vvvv:dddd'
  name TEXT NOT NULL, -- type: NVIDIA A2-4Q, as the driver names it
  mig_backed INTEGER NOT NULL, -- is a MIG-backed type {0|1}
  source TEXT NOT NULL, -- source
  PRIMARY KEY (device, subsystem, name)
);

-- MIG profiles by device id.
-- observed: ''
CREATE TABLE mig_profile (
  device TEXT NOT NULL, -- PCI device id
  profile TEXT NOT NULL, -- profile: 1g.10gb
  profile_id INTEGER, -- GPU instance profile id
  compute_slices INTEGER NOT NULL, -- compute slices
  memory_slices INTEGER NOT NULL, -- memory slices
  memory_mib INTEGER, -- memory
  max_instances INTEGER NOT NULL, -- how many fit
  placements TEXT, -- memory slices that it may start at: words
  first_driver TEXT, -- first driver with it {version}
  inferred INTEGER NOT NULL, -- profile_id and placements follow a sibling's pattern; the device's own answer counts {0|1}
  source TEXT NOT NULL, -- source
  PRIMARY KEY (device, profile)
);

-- What is known of the container stack by version.
-- observed: ''
CREATE TABLE container_fact (
  component TEXT NOT NULL, -- component: nvidia-container-toolkit, gpu-operator, …
  version TEXT NOT NULL, -- version or key
  released TEXT, -- day or month
  fact TEXT NOT NULL, -- what holds from then on
  source TEXT NOT NULL, -- source
  PRIMARY KEY (component, version, fact)
);

-- Classes of kernel log lines that matter and stood there before any attempt. The first row whose pattern
-- matches names the kind of a line.
-- observed: ''
CREATE TABLE kernel_message_pattern (
  position INTEGER NOT NULL, -- order in which patterns are tried
  kind TEXT NOT NULL, -- class: rmrr-ineligible, nvrm-already-bound, …
  pattern TEXT NOT NULL, -- POSIX extended regular expression, searched in the line
  note TEXT NOT NULL, -- what the line says
  source TEXT NOT NULL, -- source
  PRIMARY KEY (position)
);

-- Settings that rules read from the table `setting`, for those who write facts files by hand.
-- observed: ''
CREATE TABLE known_setting (
  component TEXT NOT NULL, -- program
  name TEXT NOT NULL, -- setting
  meaning TEXT NOT NULL, -- what it is, and its values
  source TEXT NOT NULL, -- source
  PRIMARY KEY (component, name)
);

-- Devices that isolate their functions as ACS does without having the capability (or with bits of it
-- missing), and devices that use another function's requester id, as the kernel's drivers/pci/quirks.c
-- says. Used to predict IOMMU groups. Both ends of a range of device ids are inclusive.
-- observed: ''
CREATE TABLE acs_quirk (
  vendor TEXT NOT NULL, -- PCI vendor id
  device_first TEXT NOT NULL, -- first device id, '0000' with 'ffff' for any
  device_last TEXT NOT NULL, -- last device id
  quirk TEXT NOT NULL, -- name of the kernel's function
  flags TEXT NOT NULL, -- ACS controls that it stands for, as in pci_function.acs_capable: SV+RR+CR+UF
  port_types TEXT NOT NULL, -- port types it holds for: words as in pci_function.port_type; '*' for any
  needs TEXT NOT NULL, -- what else must hold, a word: none, same-vendor-southbridge, acs-offset-bug, multifunction, single-function, alias-function-N
  since TEXT, -- first kernel {version}
  until TEXT, -- first kernel without it, 'none' {version}
  source TEXT NOT NULL, -- source
  PRIMARY KEY (vendor, device_first, quirk)
);

-- Boards for --assume board=: the functions that such a host shows, as a tree.
-- observed: ''
CREATE TABLE board (
  board TEXT NOT NULL, -- name: hgx-h100-8
  position INTEGER NOT NULL, -- order, from 0
  address TEXT NOT NULL, -- PCI address on a host of that kind
  parent TEXT NOT NULL, -- address of the bridge above, 'none' on a root bus
  vendor TEXT NOT NULL, -- PCI vendor id
  device TEXT NOT NULL, -- PCI device id
  class TEXT NOT NULL, -- class, 6 hex digits
  port_type TEXT, -- port type as in pci_function
  multifunction INTEGER, -- the slot has further functions {0|1}
  acs_capable TEXT, -- ACS controls that it has, as in pci_function, 'none' without the capability
  numa_node INTEGER, -- NUMA node
  source TEXT NOT NULL, -- source
  PRIMARY KEY (board, address)
);

-- Releases with a published hole through which a workload leaves its container: from which version (inclusive) to
-- which (exclusive).
-- observed: ''
CREATE TABLE vulnerability (
  name TEXT NOT NULL, -- program as in `software`
  since TEXT NOT NULL, -- first version with it {version}
  until TEXT, -- first version without it, NULL if none is known {version}
  what TEXT NOT NULL, -- what can happen, for a person
  source TEXT NOT NULL, -- source
  PRIMARY KEY (name, since, what)
);

-- Releases that break a way of attaching accelerators, or make it worse: from which version (inclusive) to which
-- (exclusive), of what, and for which accelerators and machines. What is not given holds for all.
-- observed: ''
CREATE TABLE regression (
  name TEXT NOT NULL, -- program as in `software`; linux: the running kernel, nvidia-driver: the loaded driver
  since TEXT NOT NULL, -- first bad version {version}
  until TEXT, -- first good version again, NULL if none is known {version}
  impact TEXT NOT NULL, -- blocks: who meets the row cannot go that way; degrades: some cannot, or it is worse {blocks|degrades}
  mechanism TEXT, -- ways of attaching that it breaks, by a word of surface_share.mechanism
  surface TEXT, -- surface, where it is one alone
  share TEXT, -- share, where it is one alone
  vendor TEXT, -- vendor of the accelerators, 4 hex digits
  generation TEXT, -- their generation as in accelerator_model
  model TEXT, -- their model as in accelerator_model
  architecture TEXT, -- of the machine, as `uname -m` says
  processor TEXT, -- maker of its processor as in cpu.vendor
  what TEXT NOT NULL, -- what happens, for a person
  resolution TEXT NOT NULL, -- what to do
  source TEXT NOT NULL, -- source
  PRIMARY KEY (name, since, what)
);

-- NVIDIA drivers that do not build or load on a kernel: within a branch all versions up to one, from a
-- kernel on.
-- observed: ''
CREATE TABLE driver_kernel (
  kind TEXT NOT NULL, -- which driver {any|vgpu-host}
  branch INTEGER NOT NULL, -- driver branch
  kernel_since TEXT NOT NULL, -- first kernel that it fails on {version}
  last_bad TEXT NOT NULL, -- last driver version of the branch that is known to fail {version}
  first_good TEXT, -- first one known to work, NULL if none is known {version}
  vgpu_last_bad TEXT, -- last_bad as a vGPU software release {version}
  source TEXT NOT NULL, -- source
  PRIMARY KEY (kind, branch, kernel_since)
);

-- Host driver versions that gVisor's nvproxy has in its list, by release of runsc (its date as YYYYMMDD).
-- observed: ''
CREATE TABLE gvisor_driver (
  driver TEXT NOT NULL, -- driver version {version}
  seen_first TEXT NOT NULL, -- runsc release (date) that was seen with it {version}
  seen_last TEXT NOT NULL, -- last one that was seen with it {version}
  source TEXT NOT NULL, -- source
  PRIMARY KEY (driver)
);

-- The drivers that an accelerator of a vendor runs on when the host itself uses it.
-- observed: ''
CREATE TABLE host_driver (
  vendor TEXT NOT NULL, -- PCI vendor id
  kind TEXT NOT NULL, -- kind of accelerator {gpu|fpga|dpu|ai}
  drivers TEXT NOT NULL, -- drivers, as words
  module TEXT NOT NULL, -- module to load
  node TEXT NOT NULL, -- device node that its user space opens, 'none'
  source TEXT NOT NULL, -- source
  PRIMARY KEY (vendor, kind)
);

-- Memory BARs that boards are known to have, for where nobody can ask the board: hosts not built yet, guests whose
-- kernel gave a BAR up and forgot its size.
-- observed: ''
CREATE TABLE device_bar (
  vendor TEXT NOT NULL, -- PCI vendor id
  device TEXT NOT NULL, -- PCI device id
  bar INTEGER NOT NULL, -- number of the register, as Linux counts; -1: the source names the aperture alone
  size_bytes INTEGER NOT NULL, -- size as delivered; Resizable BAR may change it
  bits64 INTEGER, -- 64-bit {0|1}
  prefetchable INTEGER, -- prefetchable {0|1}
  source TEXT NOT NULL, -- source
  checked TEXT NOT NULL, -- day that the source was last read
  PRIMARY KEY (vendor, device, bar)
);

-- What devices and their drivers expect of a VMM, beyond what a host's facts tell. The most specific row of an item
-- wins: id > model > generation > any, and a row for the share before one for '*'.
-- observed: ''
CREATE TABLE vmm_contract (
  vendor TEXT NOT NULL, -- PCI vendor id, '*' for any
  match_kind TEXT NOT NULL, -- what of accelerator_model is compared {id|model|generation|any}
  match_value TEXT NOT NULL, -- with what, '*' for any
  share TEXT NOT NULL, -- how much of the device the guest gets; '*' for any {whole|vgpu|vf|*}
  item TEXT NOT NULL, -- what is expected {bars|prefetchable|window|root-port|extended-config|msix|intx|p2p-clique|reset|hypervisor|smbios|uuid|identity-bars|host-driver|memory|ats|atomics|rom|companions}
  value TEXT NOT NULL, -- what: 'required', 'advised', 'optional', 'none', a number, or in words
  why TEXT NOT NULL, -- why, and what happens without
  source TEXT NOT NULL, -- source
  checked TEXT NOT NULL, -- day that the source was last read
  PRIMARY KEY (vendor, match_kind, match_value, share, item)
);

-- Modules of others than NVIDIA that are built on the host and do not build from a kernel on.
-- observed: ''
CREATE TABLE module_kernel (
  name TEXT NOT NULL, -- package as in `software`
  module TEXT NOT NULL, -- module that it makes
  kernel_since TEXT NOT NULL, -- first kernel that it fails on {version}
  last_bad TEXT NOT NULL, -- last version that is known to fail there {version}
  source TEXT NOT NULL, -- source
  PRIMARY KEY (name, kernel_since)
);
