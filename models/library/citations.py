"""Full citations that several models share."""

from __future__ import annotations

STEIN = (
    "Stein AM, Grupp SA, Levine JE, et al. Tisagenlecleucel model-based cellular kinetic analysis "
    "of chimeric antigen receptor-T cells. CPT Pharmacometrics Syst Pharmacol 2019. "
    "doi:10.1002/psp4.12388"
)
OGASAWARA = (
    "Ogasawara K, et al. Population cellular kinetics of lisocabtagene maraleucel. "
    "Clin Pharmacokinet 2021. PMC8613160"
)
LIU = (
    "Liu C, et al. Model-based cellular kinetic analysis of chimeric antigen receptor-T cells in "
    "humans. medRxiv 2020. doi:10.1101/2020.05.09.20096586"
)
KIMMEL = (
    "Kimmel GJ, Locke FL, Altrock PM. The roles of T cell competition and stochastic extinction "
    "events in chimeric antigen receptor T cell therapy. Proc R Soc B 2021. "
    "doi:10.1098/rspb.2021.0229"
)
SINGH = (
    "Singh AP, Chen W, Zheng X, Mody H, Carpenter TJ, Zong A, Heald DL. Bench-to-bedside "
    "translation of chimeric antigen receptor (CAR) T cells using a multiscale systems "
    "pharmacokinetic-pharmacodynamic model: a case study with anti-BCMA CAR-T. "
    "CPT Pharmacometrics Syst Pharmacol 2021. doi:10.1002/psp4.12598"
)
HARDIANSYAH = (
    "Hardiansyah D, Ng CM. Quantitative systems pharmacology model of chimeric antigen receptor "
    "T-cell therapy. Clin Transl Sci 2019. doi:10.1111/cts.12636"
)
FREY = (
    "Frey N, Grange S, Woodworth T. Population pharmacokinetic analysis of tocilizumab in patients "
    "with rheumatoid arthritis. J Clin Pharmacol 2010. doi:10.1177/0091270009350623"
)
LE = (
    "Le RQ, Li L, Yuan W, et al. FDA approval summary: tocilizumab for treatment of chimeric "
    "antigen receptor T cell-induced severe or life-threatening cytokine release syndrome. "
    "Oncologist 2018. doi:10.1634/theoncologist.2018-0028"
)
DOBREVA = (
    "Dobreva A, Brady-Nicholls R, Larripa K, Puelz C, Mehlsen J, Olufsen MS. A physiological model "
    "of the inflammatory-thermal-pain-cardiovascular interactions during an endotoxin challenge. "
    "J Physiol 2021. doi:10.1113/JP280883"
)
NORELLI = (
    "Norelli M, Camisa B, Barbiera G, et al. Monocyte-derived IL-1 and IL-6 are differentially "
    "required for cytokine-release syndrome and neurotoxicity due to CAR T cells. Nat Med 2018. "
    "doi:10.1038/s41591-018-0036-4"
)
SUNTHARALINGAM = (
    "Suntharalingam G, Perry MR, Ward S, et al. Cytokine storm in a phase 1 trial of the anti-CD28 "
    "monoclonal antibody TGN1412. N Engl J Med 2006. doi:10.1056/NEJMoa063842"
)
POELS = (
    "Poels KE, Elmeliegy M, Hibma J, Wang D, Musante CJ, Shtylla B. Leveraging quantitative "
    "systems pharmacology modeling for elranatamab regimen optimization in relapsed or refractory "
    "multiple myeloma. npj Syst Biol Appl 2025. doi:10.1038/s41540-025-00585-z"
)
BETTS = (
    "Betts A, Haddish-Berhane N, Shah DK, et al. A translational quantitative systems pharmacology "
    "model for CD3 bispecific molecules: application to quantify T cell-mediated tumor cell "
    "killing by P-Cadherin LP DART. AAPS J 2019. doi:10.1208/s12248-019-0332-z"
)
HOSSEINI = (
    "Hosseini I, Gadkar K, Stefanich E, et al. Mitigating the risk of cytokine release syndrome in "
    "a Phase I trial of CD20/CD3 bispecific antibody mosunetuzumab in NHL: impact of translational "
    "system modeling. npj Syst Biol Appl 2020. doi:10.1038/s41540-020-00145-7"
)
HIBMA = (
    "Hibma JE, Irby D, Liu A, et al. Elranatamab population pharmacokinetics and exposure-response "
    "for cytokine release syndrome in patients with relapsed or refractory multiple myeloma. Clin "
    "Pharmacokinet 2026. doi:10.1007/s40262-026-01663-z"
)
AWASTHI = (
    "Awasthi R, Pacaud L, Waldron E, et al. Tisagenlecleucel cellular kinetics, dose, and "
    "immunogenicity in relation to clinical factors in relapsed/refractory DLBCL. Blood Adv 2020. "
    "doi:10.1182/bloodadvances.2019000525"
)
HARRISON = (
    "Harrison C, Kiladjian JJ, Al-Ali HK, et al. JAK inhibition with ruxolitinib versus best "
    "available therapy for myelofibrosis. N Engl J Med 2012. doi:10.1056/NEJMoa1110556"
)
VERSTOVSEK = (
    "Verstovsek S, Mesa RA, Gotlib J, et al. A double-blind, placebo-controlled trial of "
    "ruxolitinib for myelofibrosis. N Engl J Med 2012. doi:10.1056/NEJMoa1110557"
)
ASTCT = "ASTCT consensus grading of cytokine release syndrome, Table 1 in PMC8021214"

SHORT = {
    STEIN: "Stein 2019, doi:10.1002/psp4.12388",
    OGASAWARA: "Ogasawara 2021, PMC8613160 (abstract)",
    LIU: "Liu 2021, doi:10.1101/2020.05.09.20096586 (abstract)",
    KIMMEL: "Kimmel 2021, doi:10.1098/rspb.2021.0229",
    SINGH: "Singh 2021, doi:10.1002/psp4.12598",
    HARDIANSYAH: "Hardiansyah and Ng 2019, doi:10.1111/cts.12636",
    FREY: "Frey 2010, doi:10.1177/0091270009350623",
    LE: "Le 2018, doi:10.1634/theoncologist.2018-0028",
    DOBREVA: "Dobreva 2021, doi:10.1113/JP280883",
    NORELLI: "Norelli 2018, doi:10.1038/s41591-018-0036-4",
    POELS: "Poels 2025, doi:10.1038/s41540-025-00585-z",
    HOSSEINI: "Hosseini 2020, doi:10.1038/s41540-020-00145-7",
    HIBMA: "Hibma 2026, doi:10.1007/s40262-026-01663-z",
    ASTCT: "ASTCT consensus, PMC8021214",
}
