-- KVM: whether VMs run on hardware here. SPDX-License-Identifier: Apache-2.0

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('kvm-device', '/dev/kvm is there', 'blocks', '@vm -@foreign',
  'Load kvm_intel or kvm_amd; if it refuses, enable VT-x or SVM in the firmware setup.',
  'kernel:Documentation/virt/kvm/api.rst');
CREATE VIEW rule_kvm_device AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN v.device = 'present' THEN 'pass' WHEN v.device = 'none' THEN 'fail' ELSE 'unknown' END AS result,
       '/dev/kvm: ' || coalesce(v.device, 'not seen') || ', module ' || coalesce(v.module, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN kvm v ON v.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference) VALUES
 ('cpu-virtualization', 'The CPU offers hardware virtualization', 'blocks', '@vm -@foreign',
  'Enable VT-x or SVM in the firmware setup; in a VM, have the outer hypervisor allow nesting.',
  'kernel:Documentation/virt/kvm/x86/nested-vmx.rst');
CREATE VIEW rule_cpu_virtualization AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN c.virtualization <> 'none' OR v.module IN ('kvm_intel', 'kvm_amd') OR v.proof = 'hardware' THEN 'pass'
            WHEN c.virtualization = 'none' THEN 'fail' ELSE 'unknown' END AS result,
       'CPU virtualization: ' || coalesce(c.virtualization, 'not seen') || ', this host runs under: '
         || coalesce(m.hypervisor, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN cpu c ON c.host = s.host
LEFT JOIN kvm v ON v.host = s.host
LEFT JOIN machine m ON m.host = s.host;

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('kvm-is-hardware', 'KVM runs guests on hardware virtualization', 'blocks', '@vm -@foreign',
  'Move to bare metal, or to a VM with nested virtualization: /dev/kvm of a software-only KVM (PVM) opens, and no stock guest boots on it.',
  'https://lore.kernel.org/kvm/20240226143630.33643-1-jiangshanlai@gmail.com/',
  'kvm.device=present|kvm.module=kvm_pvm|kvm.proof|machine.hypervisor=pvm');
CREATE VIEW rule_kvm_is_hardware AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN v.proof = 'hardware' THEN 'pass'
            WHEN v.proof IN ('software', 'failed') OR v.module = 'kvm_pvm' OR m.hypervisor = 'pvm' THEN 'fail'
            WHEN v.module IN ('kvm_intel', 'kvm_amd') THEN 'pass'
            WHEN v.module = 'kvm' AND m.architecture = 'aarch64' THEN 'pass'
            ELSE 'unknown' END AS result,
       'module behind /dev/kvm: ' || coalesce(v.module, 'not seen') || ', a tiny guest: ' || coalesce(v.proof, 'not tried')
         || ', this host runs under: ' || coalesce(m.hypervisor, 'not seen') AS evidence
FROM host_summary s
LEFT JOIN kvm v ON v.host = s.host
LEFT JOIN machine m ON m.host = s.host
WHERE v.device = 'present' OR v.module = 'kvm_pvm' OR v.proof IS NOT NULL OR m.hypervisor = 'pvm';

INSERT INTO rule (id, title, impact, applies, resolution, reference, needs) VALUES
 ('kvm-accessible', 'This user may use KVM', 'notes', '@vm -@foreign',
  'Add the user that runs the VMM to the group kvm.',
  'kernel:Documentation/virt/kvm/api.rst',
  'kvm.device=present');
CREATE VIEW rule_kvm_accessible AS
SELECT s.host, '' AS subject, NULL AS surface, NULL AS share,
       CASE WHEN v.accessible = 1 THEN 'pass' WHEN v.accessible = 0 AND v.device = 'present' THEN 'fail'
            ELSE 'unknown' END AS result,
       '/dev/kvm: ' || coalesce(v.device, 'not seen') || CASE WHEN v.accessible = 1 THEN ', opens'
         WHEN v.accessible = 0 THEN ', does not open for this user' ELSE ', not tried' END AS evidence
FROM host_summary s
LEFT JOIN kvm v ON v.host = s.host
WHERE v.device = 'present';
