"""What people have, and what follows from it: diagnoses, shifted laboratory values, drugs; and what is done in hospital anyway.

Codes are real ones (ICD-10-CM, CPT); order ids and display names are medenv's own. Shifts are in spreads of the analyte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["COMMON_DRUGS", "COMMON_PROCEDURES", "PROBLEMS", "SYMPTOMS", "Drug", "Problem"]

Code = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug order: name, timing, route, and dose with unit unless the order gives none."""

    name: str
    timing: str
    route: str
    dose: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A chronic or acute problem.

    Attributes:
        name: For reports.
        codes: ICD-10 codes it is recorded under.
        young: How many of a hundred inpatients of 30 have it.
        old: How many of 80.
        shifts: Analyte to shift, in spreads.
        drugs: What it is treated with.
        renal: How much kidney function it costs.
        acute: How much acute illness it brings.
        sugar: Whether capillary glucose is taken four times a day.
    """

    name: str
    codes: tuple[Code, ...]
    young: float
    old: float
    shifts: Mapping[str, float] = field(default_factory=dict)
    drugs: tuple[Drug, ...] = ()
    renal: float = 0.0
    acute: float = 0.0
    sugar: bool = False


def _oral(name: str, timing: str, dose: str, unit: str = "mg") -> Drug:
    return Drug(f"{name} {dose} {unit} tablet", timing, "Oral", (dose, unit))


PROBLEMS = (
    Problem(
        "diabetes",
        (
            ("E11.9", "Type 2 diabetes mellitus without complications"),
            ("E11.65", "Type 2 diabetes mellitus with hyperglycemia"),
            ("E11.22", "Type 2 diabetes mellitus with diabetic chronic kidney disease"),
            ("Z79.4", "Long-term (current) use of insulin"),
        ),
        8,
        34,
        {"GLU": 3.2, "A1C": 6.0, "LDL": -0.5},
        (
            _oral("Metformin", "Twice daily with meals", "500"),
            Drug("Insulin glargine 100 unit/mL pen", "At bedtime", "Subcutaneous", ("16", "Units")),
            Drug("Insulin lispro 100 unit/mL by scale", "With meals", "Subcutaneous"),
            _oral("Empagliflozin", "Daily", "10"),
        ),
        sugar=True,
    ),
    Problem(
        "hypertension",
        (("I10", "Essential (primary) hypertension"),),
        12,
        66,
        {},
        (
            _oral("Lisinopril", "Daily", "20"),
            _oral("Amlodipine", "Daily", "5"),
            _oral("Hydrochlorothiazide", "Daily", "25"),
        ),
    ),
    Problem(
        "chronic kidney disease",
        (
            ("N18.30", "Chronic kidney disease, stage 3 unspecified"),
            ("N18.4", "Chronic kidney disease, stage 4 (severe)"),
            ("D63.1", "Anemia in chronic kidney disease"),
        ),
        3,
        28,
        {"HGB": -0.8, "HCT": -0.8},
        (
            Drug("Sevelamer 800 mg tablet", "With meals", "Oral", ("800", "mg")),
            _oral("Calcitriol", "Daily", "0.25", "mcg"),
        ),
        renal=1.0,
    ),
    Problem(
        "acute kidney injury",
        (("N17.9", "Acute kidney failure, unspecified"),),
        5,
        16,
        {},
        (Drug("Lactated Ringer's infusion", "Continuous", "Intravenous"),),
        renal=0.7,
        acute=0.3,
    ),
    Problem(
        "heart failure",
        (("I50.9", "Heart failure, unspecified"), ("I50.22", "Chronic systolic (congestive) heart failure")),
        2,
        24,
        {"BNP": 9.0, "NA": -0.9, "TROP": 1.5},
        (
            _oral("Furosemide", "Twice daily", "40"),
            _oral("Carvedilol", "Twice daily", "6.25"),
            _oral("Spironolactone", "Daily", "25"),
        ),
        renal=0.2,
    ),
    Problem(
        "loop diuretic effect",
        (("E87.6", "Hypokalemia"), ("E83.42", "Hypomagnesemia")),
        10,
        22,
        {"K": -1.5, "MG": -1.3, "CO2": 0.7},
        (
            Drug("Potassium chloride 20 mEq extended-release tablet", "Once", "Oral", ("40", "mEq")),
            Drug("Magnesium oxide 400 mg tablet", "Daily", "Oral", ("400", "mg")),
        ),
    ),
    Problem(
        "coronary disease",
        (
            ("I25.10", "Atherosclerotic heart disease of native coronary artery"),
            ("I21.4", "Non-ST elevation myocardial infarction"),
        ),
        2,
        26,
        {"TROP": 3.5, "LDL": 0.6},
        (
            _oral("Aspirin", "Daily", "81"),
            _oral("Metoprolol tartrate", "Twice daily", "25"),
            _oral("Clopidogrel", "Daily", "75"),
        ),
        acute=0.2,
    ),
    Problem(
        "hyperlipidemia",
        (("E78.5", "Hyperlipidemia, unspecified"),),
        9,
        52,
        {"LDL": 0.9, "HDL": -0.4},
        (_oral("Atorvastatin", "At bedtime", "40"), _oral("Rosuvastatin", "Daily", "10")),
    ),
    Problem(
        "atrial fibrillation",
        (("I48.91", "Unspecified atrial fibrillation"),),
        1,
        22,
        {"INR": 4.0},
        (_oral("Apixaban", "Twice daily", "5"), _oral("Warfarin", "Daily in the evening", "5")),
    ),
    Problem(
        "chronic lung disease",
        (
            ("J44.9", "Chronic obstructive pulmonary disease, unspecified"),
            ("J45.909", "Unspecified asthma, uncomplicated"),
        ),
        7,
        22,
        {"CO2": 0.9, "HGB": 0.3},
        (
            Drug("Albuterol 90 mcg inhaler", "Every 4 hours as needed", "Inhalation", ("2", "puff")),
            Drug("Tiotropium 18 mcg capsule", "Daily", "Inhalation", ("18", "mcg")),
        ),
    ),
    Problem(
        "infection",
        (
            ("J18.9", "Pneumonia, unspecified organism"),
            ("N39.0", "Urinary tract infection, site not specified"),
            ("A41.9", "Sepsis, unspecified organism"),
            ("L03.90", "Cellulitis, unspecified"),
        ),
        30,
        34,
        {"WBC": 1.0, "CRP": 8.0},
        (
            Drug("Ceftriaxone 1 g injection", "Daily", "Intravenous", ("1", "g")),
            Drug("Vancomycin 1 g in 250 mL", "Every 12 hours", "Intravenous", ("1", "g")),
            Drug("Piperacillin-tazobactam 3.375 g", "Every 8 hours", "Intravenous", ("3.375", "g")),
        ),
        acute=0.9,
    ),
    Problem(
        "anemia",
        (("D50.9", "Iron deficiency anemia, unspecified"), ("D64.9", "Anemia, unspecified")),
        14,
        22,
        {"HGB": -2.2, "HCT": -2.2, "FERR": -1.5},
        (Drug("Ferrous sulfate 325 mg tablet", "Daily", "Oral", ("325", "mg")),),
    ),
    Problem(
        "liver disease",
        (("K74.60", "Unspecified cirrhosis of liver"), ("K76.0", "Fatty (change of) liver, not elsewhere classified")),
        6,
        8,
        {"ALT": 4.0, "AST": 5.0, "ALP": 2.0, "TBIL": 5.0, "ALB": -2.0, "INR": 4.0, "PLT": -1.6, "NA": -1.0},
        (
            Drug("Lactulose 10 g/15 mL solution", "Three times daily", "Oral", ("30", "mL")),
            _oral("Rifaximin", "Twice daily", "550"),
        ),
    ),
    Problem(
        "cancer",
        (
            ("C34.90", "Malignant neoplasm of unspecified part of bronchus or lung"),
            ("C50.919", "Malignant neoplasm of unspecified site of female breast"),
            ("C18.9", "Malignant neoplasm of colon, unspecified"),
            ("Z51.11", "Encounter for antineoplastic chemotherapy"),
        ),
        6,
        18,
        {"HGB": -1.0, "HCT": -1.0, "PLT": -0.8, "ALB": -0.8, "WBC": -0.8},
        (
            Drug("Ondansetron 4 mg tablet", "Every 8 hours as needed", "Oral", ("4", "mg")),
            Drug("Dexamethasone 4 mg tablet", "Once", "Oral", ("12", "mg")),
        ),
        acute=0.2,
    ),
    Problem(
        "hypothyroidism",
        (("E03.9", "Hypothyroidism, unspecified"),),
        4,
        16,
        {"TSH": 3.0},
        (_oral("Levothyroxine", "Daily before breakfast", "75", "mcg"),),
    ),
    Problem(
        "depression",
        (
            ("F32.9", "Major depressive disorder, single episode, unspecified"),
            ("F41.9", "Anxiety disorder, unspecified"),
        ),
        24,
        18,
        {"NA": -0.3},
        (_oral("Sertraline", "Daily", "50"), _oral("Trazodone", "At bedtime", "50")),
    ),
    Problem(
        "reflux",
        (("K21.9", "Gastro-esophageal reflux disease without esophagitis"),),
        12,
        30,
        {"MG": -0.4},
        (_oral("Pantoprazole", "Daily", "40"), _oral("Famotidine", "Twice daily", "20")),
    ),
    Problem(
        "joints",
        (
            ("M17.11", "Unilateral primary osteoarthritis, right knee"),
            ("M16.12", "Unilateral primary osteoarthritis, left hip"),
            ("S72.001A", "Fracture of unspecified part of neck of right femur, initial encounter"),
        ),
        8,
        34,
        {},
        (_oral("Meloxicam", "Daily", "15"), _oral("Oxycodone", "Every 4 hours as needed", "5")),
    ),
)
"""Problems, by how they change a chart."""

SYMPTOMS: tuple[Code, ...] = (
    ("R07.9", "Chest pain, unspecified"),
    ("R06.02", "Shortness of breath"),
    ("R10.9", "Unspecified abdominal pain"),
    ("R11.2", "Nausea with vomiting, unspecified"),
    ("R50.9", "Fever, unspecified"),
    ("R53.1", "Weakness"),
    ("R42", "Dizziness and giddiness"),
    ("R51.9", "Headache, unspecified"),
    ("R60.0", "Localized edema"),
    ("R31.9", "Hematuria, unspecified"),
    ("R19.7", "Diarrhea, unspecified"),
    ("R41.0", "Disorientation, unspecified"),
    ("M54.50", "Low back pain, unspecified"),
    ("M25.562", "Pain in left knee"),
    ("E86.0", "Dehydration"),
    ("E87.1", "Hypo-osmolality and hyponatremia"),
    ("D72.829", "Elevated white blood cell count, unspecified"),
    ("Z00.00", "Encounter for general adult medical examination"),
    ("Z23", "Encounter for immunization"),
    ("Z98.890", "Other specified postprocedural states"),
    ("Z87.891", "Personal history of nicotine dependence"),
    ("Z88.0", "Allergy status to penicillin"),
    ("G89.29", "Other chronic pain"),
    ("K59.00", "Constipation, unspecified"),
    ("G47.33", "Obstructive sleep apnea"),
)
"""What is recorded of anybody."""

COMMON_DRUGS = (
    Drug("Acetaminophen 500 mg tablet", "Every 6 hours as needed", "Oral", ("500", "mg")),
    Drug("Sodium chloride 0.9 % infusion", "Continuous", "Intravenous"),
    Drug("Heparin 5000 unit/mL injection", "Every 8 hours", "Subcutaneous", ("5000", "Units")),
    Drug("Enoxaparin 40 mg/0.4 mL syringe", "Daily", "Subcutaneous", ("40", "mg")),
    Drug("Sennosides 8.6 mg tablet", "At bedtime", "Oral", ("17.2", "mg")),
    Drug("Polyethylene glycol 17 g powder", "Daily", "Oral", ("17", "g")),
    Drug("Ondansetron 4 mg/2 mL injection", "Every 8 hours as needed", "Intravenous", ("4", "mg")),
    Drug("Melatonin 3 mg tablet", "At bedtime as needed", "Oral", ("3", "mg")),
    Drug("Lidocaine 5 % patch", "Daily", "Transdermal", ("1", "patch")),
    Drug("Hydromorphone 0.5 mg/0.5 mL syringe", "Every 3 hours as needed", "Intravenous", ("0.5", "mg")),
    Drug("Cholecalciferol 1000 unit capsule", "Daily", "Oral", ("1000", "Units")),
    Drug("Influenza vaccine 0.5 mL syringe", "Once", "Intramuscular", ("0.5", "mL")),
)
"""What any inpatient may be given."""

COMMON_PROCEDURES: tuple[Code, ...] = (
    ("80048", "Basic metabolic panel"),
    ("80053", "Comprehensive metabolic panel"),
    ("85025", "Complete blood count with differential"),
    ("83735", "Magnesium, serum"),
    ("84100", "Phosphorus, serum"),
    ("85610", "Prothrombin time"),
    ("85730", "Partial thromboplastin time"),
    ("82962", "Glucose by monitoring device"),
    ("83036", "Hemoglobin A1c"),
    ("83605", "Lactate"),
    ("84484", "Troponin, quantitative"),
    ("83880", "Natriuretic peptide"),
    ("87040", "Blood culture"),
    ("87086", "Urine culture"),
    ("81001", "Urinalysis with microscopy"),
    ("71046", "Chest X-ray, two views"),
    ("71045", "Chest X-ray, single view"),
    ("70450", "CT of the head without contrast"),
    ("71275", "CT angiography of the chest"),
    ("74177", "CT of abdomen and pelvis with contrast"),
    ("93000", "Electrocardiogram, twelve leads"),
    ("93306", "Echocardiography, complete"),
    ("76705", "Ultrasound of the abdomen, limited"),
    ("93970", "Duplex scan of the leg veins"),
    ("97161", "Physical therapy evaluation"),
    ("97165", "Occupational therapy evaluation"),
    ("92610", "Evaluation of swallowing"),
    ("36556", "Central venous catheter"),
    ("36430", "Transfusion of blood products"),
    ("45378", "Colonoscopy, diagnostic"),
    ("94640", "Inhalation treatment"),
    ("99232", "Subsequent hospital care"),
    ("NURTELE", "Telemetry"),
    ("NURFALL", "Fall precautions"),
    ("NURIO", "Intake and output"),
    ("DIETREG", "Regular diet"),
    ("DIETNPO", "Nothing by mouth"),
    ("ADTINP", "Admit to inpatient"),
)
"""What is ordered and done, by code and name."""
