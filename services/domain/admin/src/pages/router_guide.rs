//! How to have a router redirect without writing its own address as the sender (R67).

use crate::form::Said;

/// A make of routers, and what is to be set there.
pub(super) type Fix = (Said, Said);

/// What makes of routers the fix is known for, the most common first.
pub(super) const FIXES: [Fix; 6] = [
    (
        ("MikroTik", "MikroTik"),
        (
            "IP > Firewall > NAT: each rule with action masquerade must have Out. Interface (or \
             Out. Interface List) set to the WAN. A rule for hairpin must have Src. Address set to \
             the LAN. Then IP > Firewall > Service Ports: switch sip off.",
            "IP > Firewall > NAT: toda regra com ação masquerade precisa ter Out. Interface (ou \
             Out. Interface List) igual à WAN. Uma regra de hairpin precisa ter Src. Address igual \
             à rede interna. Depois, IP > Firewall > Service Ports: desligue sip.",
        ),
    ),
    (
        ("pfSense, OPNsense", "pfSense, OPNsense"),
        (
            "A plain port forward keeps the sender. Firewall > NAT > Outbound: delete rules on the \
             interface LAN. Instead of NAT reflection, have the local DNS answer the box's own \
             address for its name.",
            "Um port forward simples mantém o remetente. Firewall > NAT > Outbound: apague regras \
             na interface LAN. Em vez de NAT reflection, faça o DNS local responder o endereço \
             interno da central para o nome dela.",
        ),
    ),
    (
        ("FortiGate", "FortiGate"),
        (
            "In the policy from WAN to the virtual IP of the box, switch NAT off: the virtual IP \
             alone redirects. Switch the SIP helper off (system settings: default-voip-alg-mode \
             kernel-helper-based, and delete sip from session-helper).",
            "Na política da WAN para o virtual IP da central, desligue NAT: o virtual IP sozinho \
             já redireciona. Desligue o auxiliar de SIP (system settings: default-voip-alg-mode \
             kernel-helper-based, e apague sip em session-helper).",
        ),
    ),
    (
        ("OpenWrt", "OpenWrt"),
        (
            "Network > Firewall: Masquerading is ticked for the zone wan alone; in the file, \
             option masq '1' only there.",
            "Network > Firewall: Masquerading marcado só na zona wan; no arquivo, option masq '1' \
             só nela.",
        ),
    ),
    (
        ("Linux (nftables, iptables)", "Linux (nftables, iptables)"),
        (
            "Give the masquerade rule the outer interface (oifname wan, -o wan). A rule for \
             hairpin needs the LAN as its source (ip saddr LAN, -s LAN).",
            "Dê à regra de masquerade a interface externa (oifname wan, -o wan). Uma regra de \
             hairpin precisa da rede interna como origem (ip saddr LAN, -s LAN).",
        ),
    ),
    (
        (
            "A carrier's box, or an address of 100.64.0.0/10 outside",
            "Aparelho da operadora, ou endereço externo em 100.64.0.0/10",
        ),
        (
            "Have the carrier set it to bridge mode and use a router of your own, or do not \
             redirect ports at all: phones outside come by the tunnel of a grid.",
            "Peça à operadora o modo bridge e use um roteador seu, ou não redirecione portas: \
             telefones de fora entram pelo túnel de um grid.",
        ),
    ),
];
