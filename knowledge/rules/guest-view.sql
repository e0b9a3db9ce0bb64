-- The guest's view: how the VMM presents an accelerator, judged from within the guest.
-- SPDX-License-Identifier: Apache-2.0
--
-- Each rule needs host_summary.guest=1; `check` shows what they find in a section of its own. Emulation (TCG) is no
-- place for a real driver: what only a driver reads is not asked there. On AWS, Google Cloud and Hyper-V the tree is
-- the provider's, and the vendors' drivers are supported on it as it is: its shape is not judged.

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-bars-assigned', 'Every BAR of the accelerator has an address in this guest', 'blocks', '* -@foreign',
  'QEMU: a window that holds the BARs, with OVMF -fw_cfg name=opt/ovmf/X-PciMmio64Mb,string=MIB, with SeaBIOS or qboot -global q35-pcihost.pci-hole64-size=SIZE (i440FX-pcihost on pc), and for what is hot-plugged pcie-root-port,pref64-reserve=SIZE. libvirt: <pcihole64> of the pcie-root controller. Cloud Hypervisor: the window follows --cpus max_phys_bits and is shared by its PCI segments (--pci-segment mmio64_aperture_weight). ESXi: pciPassthru.use64bitMMIO and 64bitMMIOSizeGB.',
  'kernel:drivers/pci/setup-res.c | kata-containers/runtime issue 2432 | tianocore/edk2:OvmfPkg/README | cloud-hypervisor/cloud-hypervisor:docs/vfio.md',
  'host_summary.guest=1');
CREATE VIEW rule_guest_bars_assigned AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN b.unassigned > 0 THEN 'fail'
            WHEN o.state = 'complete' AND b.known > 0 AND b.unsure = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': '
         || CASE WHEN b.unassigned > 0 THEN 'no address for ' || b.listing
                 WHEN b.known > 0 THEN CAST(b.known AS TEXT) || ' memory BARs, all with an address'
                 ELSE 'BARs not seen' END
         || ', largest window of the host bridges above 4 GiB: '
         || CASE WHEN w.largest IS NOT NULL THEN size_text(w.largest)
                 WHEN ow.state = 'complete' THEN 'none' ELSE 'not seen' END
         || coalesce(', address bits ' || CAST(c.physical_address_bits AS TEXT), '') AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1
LEFT JOIN cpu c ON c.host = a.host
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_bar' AND o.subject = a.address
LEFT JOIN observed ow ON ow.host = a.host AND ow.tbl = 'pci_root_window' AND ow.subject = ''
LEFT JOIN (SELECT host, MAX(end_address - start_address + 1) AS largest
           FROM pci_root_window WHERE start_address >= 4294967296 GROUP BY host) w ON w.host = a.host
LEFT JOIN (SELECT p.host, p.address, COUNT(*) AS known, COUNT(CASE WHEN p.assigned = 0 THEN 1 END) AS unassigned,
                  COUNT(CASE WHEN p.assigned IS NULL THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN p.assigned = 0 THEN 'BAR ' || CAST(p.bar AS TEXT)
                              || coalesce(' (' || size_text(coalesce(p.size_bytes, k.size_bytes)) || ')', '') END) AS listing
           FROM pci_bar p
           LEFT JOIN pci_function f ON f.host = p.host AND f.address = p.address
           LEFT JOIN device_bar k ON k.vendor = f.vendor AND k.device = f.device AND k.bar = p.bar
           WHERE p.kind = 'bar' AND p.io IS DISTINCT FROM 1 AND p.size_bytes IS DISTINCT FROM 0
           GROUP BY p.host, p.address) b ON b.host = a.host AND b.address = a.address
WHERE a.is_vf = 0;

-- A BAR of half of what the address bits span fits above memory at best; one as large as that never does.
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-address-width', 'This guest''s processor has address bits enough for the BARs', 'blocks', '* -@foreign',
  'QEMU: -cpu host,host-phys-bits=on, or phys-bits=N (without either a named model has 40). libvirt: <maxphysaddr mode=''passthrough''/> in <cpu>. Cloud Hypervisor: --cpus max_phys_bits=N, where it is set lower.',
  'kernel:arch/x86/kernel/e820.c | tianocore/edk2:OvmfPkg/README | https://libvirt.org/formatdomain.html | kernel:drivers/pci/setup-res.c',
  'host_summary.guest=1');
CREATE VIEW rule_guest_address_width AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN b.unassigned > 0 AND pow2(b.largest) * 2 > x.span THEN 'fail'
            WHEN o.state = 'complete' AND b.unassigned = 0 AND b.unsure = 0 THEN 'pass'
            WHEN o.state = 'complete' AND b.unassigned > 0 AND b.sizeless = 0 AND b.unsure = 0
                 AND pow2(b.largest) * 2 <= x.span THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': largest BAR ' || coalesce(size_text(b.largest), 'not known') || ', address bits '
         || coalesce(CAST(c.physical_address_bits AS TEXT) || ' (' || size_text(x.span) || ')',
                     CAST(c.physical_address_bits AS TEXT), 'not seen')
         || CASE WHEN b.unassigned > 0 THEN ', BARs without an address: ' || CAST(b.unassigned AS TEXT) ELSE '' END AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1
LEFT JOIN cpu c ON c.host = a.host
LEFT JOIN (SELECT host, CASE WHEN physical_address_bits >= 48 THEN 281474976710656
                             ELSE CASE physical_address_bits
                                  WHEN 32 THEN 4294967296 WHEN 36 THEN 68719476736 WHEN 37 THEN 137438953472
                                  WHEN 38 THEN 274877906944 WHEN 39 THEN 549755813888 WHEN 40 THEN 1099511627776
                                  WHEN 41 THEN 2199023255552 WHEN 42 THEN 4398046511104 WHEN 43 THEN 8796093022208
                                  WHEN 44 THEN 17592186044416 WHEN 45 THEN 35184372088832 WHEN 46 THEN 70368744177664
                                  WHEN 47 THEN 140737488355328 END END AS span
           FROM cpu) x ON x.host = a.host
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_bar' AND o.subject = a.address
LEFT JOIN (SELECT p.host, p.address, COUNT(CASE WHEN p.assigned = 0 THEN 1 END) AS unassigned,
                  COUNT(CASE WHEN p.assigned IS NULL THEN 1 END) AS unsure,
                  COUNT(CASE WHEN p.size_bytes IS NULL AND k.largest IS NULL THEN 1 END) AS sizeless,
                  MAX(coalesce(p.size_bytes, k.largest)) AS largest
           FROM pci_bar p
           LEFT JOIN pci_function f ON f.host = p.host AND f.address = p.address
           LEFT JOIN (SELECT vendor, device, MAX(size_bytes) AS largest FROM device_bar GROUP BY vendor, device) k
                  ON k.vendor = f.vendor AND k.device = f.device
           WHERE p.kind = 'bar' AND p.io IS DISTINCT FROM 1 AND p.size_bytes IS DISTINCT FROM 0
           GROUP BY p.host, p.address) b ON b.host = a.host AND b.address = a.address
WHERE a.is_vf = 0;

-- The driver takes a BAR that lost the bit for none: "BAR2 is 0M @ 0x0".
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-bars-prefetchable', 'The VMM keeps the prefetchable bit of 64-bit BARs', 'blocks', '* -@foreign',
  'Cloud Hypervisor: 26.0 or later; before, it dropped the bit, and NVIDIA''s driver refuses the device. A VMM of one''s own: hand the low four bits of a BAR through as the device has them.',
  'https://github.com/cloud-hypervisor/cloud-hypervisor/issues/4353 | https://github.com/NVIDIA/open-gpu-kernel-modules/issues/344',
  'host_summary.guest=1');
CREATE VIEW rule_guest_bars_prefetchable AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN b.plain > 0 THEN 'fail'
            WHEN o.state = 'complete' AND b.known > 0 AND b.unsure = 0 THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': ' || CASE WHEN b.plain > 0 THEN '64-bit and not prefetchable: ' || b.listing
                                 WHEN b.unsure = 0 AND b.known > 0 THEN 'all 64-bit BARs are prefetchable'
                                 ELSE 'not seen of every BAR' END AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1
LEFT JOIN observed o ON o.host = a.host AND o.tbl = 'pci_bar' AND o.subject = a.address
LEFT JOIN (SELECT host, address, COUNT(*) AS known,
                  COUNT(CASE WHEN bits64 = 1 AND prefetchable = 0 THEN 1 END) AS plain,
                  COUNT(CASE WHEN bits64 IS NULL OR (bits64 = 1 AND prefetchable IS NULL) THEN 1 END) AS unsure,
                  sorted_list(CASE WHEN bits64 = 1 AND prefetchable = 0 THEN 'BAR ' || CAST(bar AS TEXT)
                              || coalesce(' (' || size_text(size_bytes) || ')', '') END) AS listing
           FROM pci_bar WHERE kind = 'bar' AND io IS DISTINCT FROM 1 AND size_bytes IS DISTINCT FROM 0
           GROUP BY host, address) b ON b.host = a.host AND b.address = a.address
WHERE a.is_vf = 0 AND a.vendor = '10de';

-- Which models: knowledge/matrices/vmm_contract.csv.
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-port-required', 'A board that needs a PCI Express port above it has one', 'blocks', '* -@foreign',
  'QEMU: -device pcie-root-port,id=rp1,bus=pcie.0,chassis=1,slot=1 and bus=rp1 on the vfio-pci device. libvirt: q35, and an address on a bus of its own pcie-root-port controller. Cloud Hypervisor has no root port in any release up to 53.0, crosvm one in builds with its feature direct alone (--pcie-root-port): use QEMU for these boards.',
  'ubicloud/ubicloud commits b39ab0bae and 340f4520d | https://github.com/cloud-hypervisor/cloud-hypervisor/pull/8083 | https://docs.nvidia.com/ai-enterprise/planning-resource/optimizing-vm-configuration-ai-inference-blackwell-ultra-hgx/latest/known-limitations.html',
  'host_summary.guest=1');
CREATE VIEW rule_guest_port_required AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.parent = 'none' THEN 'fail' WHEN p.parent <> 'none' THEN 'pass' ELSE 'unknown' END AS result,
       a.address || ' (' || a.model || '): above it '
         || CASE WHEN p.parent = 'none' THEN 'nothing: it is on the root bus'
                 ELSE coalesce(p.parent, 'not seen') || coalesce(' (' || u.port_type || ')', '') END AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1
JOIN machine m ON m.host = a.host AND m.hypervisor NOT IN ('aws-nitro', 'gcp', 'hyper-v')
JOIN vmm_contract v ON v.vendor = a.vendor AND v.match_kind = 'model' AND v.match_value = a.model
     AND v.share = 'whole' AND v.item = 'root-port' AND v.value = 'required'
LEFT JOIN pci_function p ON p.host = a.host AND p.address = a.address
LEFT JOIN pci_function u ON u.host = a.host AND u.address = p.parent
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-endpoint', 'The VMM presents the accelerator as a PCI Express endpoint with a link', 'degrades', '* -@foreign',
  'QEMU turns an endpoint that is plugged into pcie.0 into one of the root complex and takes its link away, and hides PCI Express of one that is plugged into a conventional bridge of q35. Plug it into -device pcie-root-port,id=rp1,bus=pcie.0,chassis=1,slot=1 by bus=rp1. libvirt: an address on a bus of its own pcie-root-port controller, not on bus 0. Proxmox: pcie=1 and machine q35. Drivers and NCCL then see link, speed and distance.',
  'qemu/qemu:docs/pcie.txt | qemu/qemu:hw/vfio/pci.c (vfio_setup_pcie_cap) | https://github.com/cloud-hypervisor/cloud-hypervisor/issues/5108',
  'host_summary.guest=1');
CREATE VIEW rule_guest_endpoint AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.port_type IN ('root-complex-endpoint', 'conventional') THEN 'fail'
            WHEN p.port_type IN ('endpoint', 'legacy-endpoint') THEN 'pass' ELSE 'unknown' END AS result,
       a.address || ': port type ' || coalesce(p.port_type, 'not seen') || ', above it '
         || CASE WHEN p.parent = 'none' THEN 'nothing: it is on the root bus'
                 ELSE coalesce(p.parent, 'not seen') || coalesce(' (' || u.port_type || ')', '') END AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1
JOIN machine m ON m.host = a.host AND m.hypervisor NOT IN ('aws-nitro', 'gcp', 'hyper-v')
LEFT JOIN pci_function p ON p.host = a.host AND p.address = a.address
LEFT JOIN pci_function u ON u.host = a.host AND u.address = p.parent
WHERE a.is_vf = 0 AND a.vendor IN ('10de', '1002') AND a.segment IS DISTINCT FROM 'integrated';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-interrupts', 'The accelerator has interrupts that this guest can use', 'blocks', '* -@foreign',
  'QEMU and libvirt pass them by themselves. Cloud Hypervisor: 34.0 or later for boards with MSI alone. Firecracker''s branch passes MSI-X alone. A VMM of one''s own: hand the MSI-X or MSI capability through; most know no INTx.',
  'NVIDIA/open-gpu-kernel-modules:kernel-open/nvidia/nv.c | https://github.com/cloud-hypervisor/cloud-hypervisor/issues/5649 | https://github.com/cloud-hypervisor/cloud-hypervisor/pull/2212',
  'host_summary.guest=1');
CREATE VIEW rule_guest_interrupts AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.msix_vectors = 0 AND a.msi_vectors = 0 AND p.interrupt_pin = 'none' THEN 'fail'
            WHEN a.msix_vectors > 0 OR a.msi_vectors > 0 OR p.interrupt_pin IN ('A', 'B', 'C', 'D') THEN 'pass'
            ELSE 'unknown' END AS result,
       a.address || ': MSI-X vectors ' || coalesce(CAST(a.msix_vectors AS TEXT), 'not seen') || ', MSI '
         || coalesce(CAST(a.msi_vectors AS TEXT), 'not seen') || ', INTx pin ' || coalesce(p.interrupt_pin, 'not seen') AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1
LEFT JOIN pci_function p ON p.host = a.host AND p.address = a.address
WHERE a.is_vf = 0;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-msix', 'The VMM shows the MSI-X capability that the board has', 'degrades', '* -@foreign',
  'QEMU, libvirt and Cloud Hypervisor pass it by themselves: look for a patched or older VMM, or one of one''s own that does not emulate the table.',
  'leptonai/gpud (lspci of an 8×H100 host) | harvester/pcidevices (sysfs of an A2) | qemu/qemu:hw/vfio/pci.c (vfio_msix_early_setup)',
  'host_summary.guest=1');
CREATE VIEW rule_guest_msix AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN a.msix_vectors = 0 THEN 'fail' WHEN a.msix_vectors > 0 THEN 'pass' ELSE 'unknown' END AS result,
       a.address || ': MSI-X vectors ' || coalesce(CAST(a.msix_vectors AS TEXT), 'not seen') || ', on a board of its model '
         || v.value || '; MSI ' || coalesce(CAST(a.msi_vectors AS TEXT), 'not seen') AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1
JOIN vmm_contract v ON v.vendor = a.vendor AND v.match_kind = 'model' AND v.match_value = a.model
     AND v.share = 'whole' AND v.item = 'msix' AND v.value NOT IN ('0', 'none')
WHERE a.is_vf = 0;

-- x86: the leaves of CPUID. ARM: SMBIOS, where NVIDIA's driver takes a virtual machine for one of KVM.
INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-hypervisor-known', 'NVIDIA''s driver recognises the hypervisor', 'notes', '* -@foreign',
  'The driver knows KVMKVMKVM, Microsoft Hv, VMwareVMware and XenVMMXenVMM in the CPUID leaves from 0x40000000, and on ARM the virtual-machine bit of SMBIOS type 0; else it takes the guest for bare metal. QEMU: drop kvm=off from -cpu (libvirt: <hidden state=''on''/>), which only GeForce drivers before 465 asked for. ARM: boot firmware that writes SMBIOS, or -smbios type=0,... A VMM of one''s own: answer leaf 0x40000000 as KVM does.',
  'NVIDIA/open-gpu-kernel-modules:src/nvidia/src/kernel/virtualization/hypervisor/hypervisor.c@41595798 | https://nvidia.custhelp.com/app/answers/detail/a_id/5173',
  'host_summary.guest=1');
CREATE VIEW rule_guest_hypervisor_known AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN m.architecture = 'aarch64' THEN
              CASE WHEN m.smbios_virtual = 1 THEN 'pass' WHEN m.smbios_virtual = 0 THEN 'fail' ELSE 'unknown' END
            WHEN m.hypervisor_signature IN ('KVMKVMKVM', 'Microsoft Hv', 'VMwareVMware', 'XenVMMXenVMM') THEN 'pass'
            WHEN m.architecture = 'x86_64' AND m.hypervisor_signature IS NOT NULL THEN 'fail'
            ELSE 'unknown' END AS result,
       'runs under ' || m.hypervisor || coalesce(' (' || m.vendor || ')', '') || ', CPUID signature '
         || coalesce(m.hypervisor_signature, 'not seen') || ', virtual by SMBIOS '
         || CASE m.smbios_virtual WHEN 1 THEN 'yes' WHEN 0 THEN 'no' ELSE 'not seen' END AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1
JOIN machine m ON m.host = a.host AND m.hypervisor <> 'qemu-tcg'
WHERE a.is_vf = 0 AND a.vendor = '10de' AND (m.architecture IN ('x86_64', 'aarch64') OR m.architecture IS NULL);

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-p2p-clique', 'GPUs of one guest may reach each other over PCI Express', 'notes', '* -@foreign',
  'Peers that reach each other on the host belong to one clique. QEMU: x-nv-gpudirect-clique=0 on each vfio-pci device (libvirt: by <qemu:override>). Cloud Hypervisor: --device path=…,x_nv_gpudirect_clique=0 (39.0 or later, not together with vfio_p2p_dma=off). Without it copies between them go through memory unless NVLink joins them.',
  'NVIDIA/open-gpu-kernel-modules:src/nvidia/src/kernel/virtualization/hypervisor/hypervisor.c@41595798 | https://github.com/cloud-hypervisor/cloud-hypervisor/pull/6235 | https://lists.gnu.org/archive/html/qemu-devel/2023-06/pdf142OR4O4c2.pdf',
  'host_summary.guest=1');
CREATE VIEW rule_guest_p2p_clique AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.p2p_clique = 'none' THEN 'fail' WHEN p.p2p_clique <> 'none' THEN 'pass' ELSE 'unknown' END AS result,
       a.address || ': clique ' || coalesce(p.p2p_clique, 'not seen') || ', '
         || CAST(s.nvidia_accelerators AS TEXT) || ' NVIDIA GPUs in this guest' AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1 AND s.nvidia_accelerators > 1
JOIN machine m ON m.host = a.host AND m.hypervisor NOT IN ('aws-nitro', 'gcp', 'hyper-v', 'vmware')
LEFT JOIN pci_function p ON p.host = a.host AND p.address = a.address
WHERE a.is_vf = 0 AND a.vendor = '10de' AND a.segment = 'datacenter' AND a.nvswitch IS DISTINCT FROM 'yes'
  AND a.generation IN ('turing', 'ampere', 'ada', 'hopper', 'blackwell');

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('guest-ats', 'A GPU that shares the processor''s page tables has ATS in this guest', 'degrades', '* -@foreign',
  'Grace boards address memory by ATS. They need a virtual SMMUv3 that the host''s accelerates and that passes ATS: QEMU in releases that have one, OpenVMM with pull request 4344. Without a virtual SMMU that passes ATS the driver falls back to tables of its own.',
  'NVIDIA/k8s-test-infra (nvidia-smi of a GB200 host: Addressing Mode ATS) | https://github.com/microsoft/openvmm/pull/4344',
  'host_summary.guest=1');
CREATE VIEW rule_guest_ats AS
SELECT a.host, a.address AS subject, NULL AS surface, NULL AS share,
       CASE WHEN p.ats = 0 THEN 'fail' WHEN p.ats = 1 THEN 'pass' ELSE 'unknown' END AS result,
       a.address || ' (' || a.model || '): ATS capability '
         || CASE p.ats WHEN 1 THEN 'there' WHEN 0 THEN 'missing' ELSE 'not seen' END AS evidence
FROM accelerator a
JOIN host_summary s ON s.host = a.host AND s.guest = 1
JOIN vmm_contract v ON v.vendor = a.vendor AND v.match_kind = 'model' AND v.match_value = a.model
     AND v.share = 'whole' AND v.item = 'ats' AND v.value = 'required'
LEFT JOIN pci_function p ON p.host = a.host AND p.address = a.address
WHERE a.is_vf = 0;
