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
    ASTCT: "ASTCT consensus, PMC8021214",
}
