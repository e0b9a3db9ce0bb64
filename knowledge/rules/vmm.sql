-- What VMs can be given at all, and whether the VMM is there. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vmm-has-vfio', 'A release of the VMM has VFIO', 'blocks', '@vfio',
  'Use a VMM that has it: QEMU or Cloud Hypervisor.',
  'https://github.com/firecracker-microvm/firecracker/issues/2487 | https://github.com/firecracker-microvm/firecracker/issues/5679 | https://github.com/containers/libkrun/issues/32');
CREATE VIEW rule_vmm_has_vfio AS
SELECT s.host, '' AS subject, v.surface, NULL AS share, 'fail' AS result,
       f.vmm || ' ' || coalesce(CASE WHEN t.vmm = f.vmm THEN t.vmm_version END, w.version, '(version not seen)')
         || ': VFIO in no release' || coalesce(', ' || f.note, '') AS evidence
FROM host_summary s
JOIN vmm_feature f ON f.feature = 'vfio' AND f.since = 'none'
JOIN (SELECT surface, vmm FROM surface_share
      WHERE vmm IN (SELECT vmm FROM vmm_feature WHERE feature = 'vfio' AND since = 'none')
        AND has_word(mechanism, 'vfio') = 1
      GROUP BY surface, vmm) v
  ON v.vmm = f.vmm
LEFT JOIN software w ON w.host = s.host AND w.name = f.vmm
LEFT JOIN intent t ON t.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('vmm-installed', 'The VMM is installed', 'blocks',
  'qemu-vfio qemu-vgpu qemu-microvm cloud-hypervisor firecracker crosvm kvmtool libkrun openvmm kata',
  'Install it, in a version that knows the device.',
  'qemu/qemu:docs/system/introduction.rst | cloud-hypervisor/cloud-hypervisor:docs/vfio.md@ae44c29');
CREATE VIEW rule_vmm_installed AS
SELECT s.host, '' AS subject, v.surface, NULL AS share,
       CASE WHEN w.version <> 'none' OR (t.vmm = v.program AND t.vmm_version IS NOT NULL) THEN 'pass'
            WHEN w.version = 'none' THEN 'fail' ELSE 'unknown' END AS result,
       v.program || ': ' || CASE WHEN t.vmm = v.program AND t.vmm_version IS NOT NULL THEN t.vmm_version || ' (intended)'
                                 WHEN w.version = 'none' THEN 'not installed'
                                 ELSE coalesce(w.version, 'not seen') END AS evidence
FROM host_summary s
JOIN (SELECT surface, CASE WHEN surface = 'kata' THEN 'kata' ELSE MIN(vmm) END AS program
      FROM surface_share
      WHERE surface IN ('qemu-vfio', 'qemu-vgpu', 'qemu-microvm', 'cloud-hypervisor', 'firecracker', 'crosvm', 'kvmtool',
                        'libkrun', 'openvmm', 'kata')
      GROUP BY surface) v ON v.program <> 'none'
LEFT JOIN software w ON w.host = s.host AND w.name = v.program
LEFT JOIN intent t ON t.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('mig-no-pci-function', 'What the VM shall get is a PCI function', 'blocks', ':mig -@host-driver',
  'A MIG instance is none: give the VM a MIG-backed vGPU, or the whole GPU and let the guest switch MIG on; containers take MIG devices directly.',
  'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/4375 | https://docs.nvidia.com/datacenter/tesla/mig-user-guide/620/deployment-considerations.html');
CREATE VIEW rule_mig_no_pci_function AS
SELECT a.host, a.address AS subject, NULL AS surface, 'mig' AS share, 'fail' AS result,
       'MIG makes no PCI function: below ' || a.address || ' there is nothing that VFIO could bind; MIG mode '
         || coalesce(n.mig_current, 'not seen') || ', GPU instances '
         || coalesce(CAST(n.gpu_instances AS TEXT), 'not seen') || ', VFs '
         || coalesce(CAST(a.sriov_numvfs AS TEXT), 'not seen') AS evidence
FROM accelerator a
LEFT JOIN nvidia_gpu n ON n.host = a.host AND n.address = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('host-sharing-stays-on-host', 'The way of sharing reaches into a VM', 'blocks',
  ':time-slice :mps :partition -@host-driver',
  'Time-slicing, MPS and compute partitions live in one kernel: give each VM a vGPU or VF, or one VM the whole device and share it inside.',
  'https://docs.nvidia.com/deploy/mps/index.html | ROCm/k8s-device-plugin:docs/user-guide/configuration.md');
CREATE VIEW rule_host_sharing_stays_on_host AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share, 'fail' AS result,
       a.address || ': shared by the host''s own driver (' || coalesce(a.driver, 'driver not seen')
         || '), which makes no PCI function for a guest' AS evidence
FROM accelerator a
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('nvidia-vf-is-a-vgpu', 'A VF means something to a VM without the host''s vGPU manager', 'blocks', ':vf -@host-driver',
  'Use it as a vGPU: an NVIDIA VF stays on the nvidia driver. Bound to vfio-pci it gives EINVAL in vendor-VFIO mode, and no guest driver starts on it in any.',
  'https://github.com/kubevirt/kubevirt/issues/17642 | kernel/hypeman:lib/devices/GPU.md@0d87fe24');
CREATE VIEW rule_nvidia_vf_is_a_vgpu AS
SELECT a.host, a.address AS subject, NULL AS surface, 'vf' AS share,
       CASE WHEN a.vendor = '10de' THEN 'fail' ELSE 'unknown' END AS result,
       a.address || CASE WHEN a.is_vf = 1 THEN ' is a VF of ' || coalesce(a.parent, '?') ELSE '' END
         || ', vGPU mode ' || coalesce(a.vgpu_mode, p.vgpu_mode, 'not seen') || ', bound to '
         || coalesce(a.driver, 'a driver not seen') || ': binding an NVIDIA VF to vfio-pci is wrong' AS evidence
FROM accelerator a
LEFT JOIN accelerator p ON p.host = a.host AND p.address = a.parent
WHERE coalesce(a.vendor, '10de') = '10de';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('no-snapshot-with-device', 'No snapshot or live migration is wanted of a VM with a passed device', 'blocks', '@passthrough',
  'Do without, use vGPU (where the release supports migration) or a VF with a migratable variant driver (mlx5_vfio_pci, xe-vfio-pci).',
  'cloud-hypervisor/cloud-hypervisor:docs/vfio.md@ae44c29 | https://docs.nvidia.com/ai-enterprise/planning-resource/optimizing-vm-configuration-ai-inference-blackwell-ultra-hgx/latest/known-limitations.html',
  'intent.snapshot=1');
CREATE VIEW rule_no_snapshot_with_device AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.driver IN ('mlx5_vfio_pci', 'xe-vfio-pci', 'virtio-vfio-pci') THEN 'pass' ELSE 'fail' END AS result,
       'snapshot or migration wanted, ' || a.address || ' is bound to ' || coalesce(a.driver, 'a driver not seen')
         || ': plain vfio-pci cannot save the state of a device' AS evidence
FROM accelerator a
JOIN intent t ON t.host = a.host AND t.snapshot = 1
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('no-balloon-with-device', 'No memory balloon is wanted in a VM with a passed device', 'degrades', '@passthrough',
  'Give the guest fixed memory: all of it is pinned, so a balloon frees nothing and VMMs refuse or ignore it.',
  'qemu/qemu:docs/devel/vfio-iommufd.rst | firecracker-microvm/firecracker:docs/vfio.md (pull request 5870)',
  'intent.ballooning');
CREATE VIEW rule_no_balloon_with_device AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN t.ballooning = 1 THEN 'fail' ELSE 'pass' END AS result,
       'balloon or memory hot-plug ' || CASE WHEN t.ballooning = 1 THEN 'wanted' ELSE 'not wanted' END AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host
WHERE t.ballooning IS NOT NULL;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('confidential-host', 'The host runs confidential VMs that a device can join', 'blocks', '@passthrough -@foreign',
  'Use a CPU with SEV-SNP or TDX and enable it in the firmware and the kernel (kvm_amd.sev_snp, kvm_intel.tdx; host kernel 6.17 and later for GPUs).',
  'NVIDIA/cloud-native-docs:confidential-containers/supported-platforms.rst@52dcb7b',
  'intent.confidential=1');
CREATE VIEW rule_confidential_host AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.confidential IN ('sev-snp', 'tdx', 'cca') THEN 'pass' WHEN c.confidential IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       'confidential computing of the host: ' || coalesce(c.confidential, 'not seen') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.confidential = 1
LEFT JOIN cpu c ON c.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('small-vmm-msix', 'The device has MSI-X, the only interrupt that small VMMs forward', 'degrades', 'firecracker custom-vmm',
  'Expect to write MSI or INTx support, or take a device with MSI-X.',
  'firecracker-microvm/firecracker:docs/vfio.md (pull request 5870) | https://github.com/cloud-hypervisor/cloud-hypervisor/issues/5649');
CREATE VIEW rule_small_vmm_msix AS
SELECT a.host, a.address AS subject, NULL AS surface, 'whole' AS share,
       CASE WHEN a.msix_vectors > 0 THEN 'pass' WHEN a.msix_vectors = 0 THEN 'fail' ELSE 'unknown' END AS result,
       a.address || ': MSI-X vectors ' || coalesce(CAST(a.msix_vectors AS TEXT), 'not read') || ', MSI vectors '
         || coalesce(CAST(a.msi_vectors AS TEXT), 'not read') AS evidence
FROM accelerator a
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('vmm-of-host-architecture', 'The machine type is one of the host''s architecture', 'blocks', '@vm -@foreign',
  'Use the machine virt on Arm: q35, pc and microvm are x86 machines, and KVM runs no foreign architecture.',
  'https://github.com/NVIDIA/OpenShell/issues/1780',
  'intent.machine_type');
CREATE VIEW rule_vmm_of_host_architecture AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.architecture IN ('aarch64', 'riscv64', 'ppc64le', 's390x') AND t.machine_type IN ('q35', 'pc', 'microvm') THEN 'fail'
            WHEN m.architecture = 'x86_64' AND t.machine_type = 'virt' THEN 'fail'
            WHEN m.architecture IS NOT NULL THEN 'pass' ELSE 'unknown' END AS result,
       'machine type ' || t.machine_type || ' on ' || coalesce(m.architecture, 'an architecture not seen') AS evidence
FROM host_summary s
JOIN intent t ON t.host = s.host AND t.machine_type IS NOT NULL
LEFT JOIN machine m ON m.host = s.host;
