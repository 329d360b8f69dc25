//! Makes up conditions, directed by types so that strict validation passes: whatever may be absent
//! stands behind the `has` or `hasTag` that guards it.

use crate::dice::Dice;
use crate::entities::{self, Pools, TAGS};
use crate::model::{Expr, Field, Schema, Ty, Uid, Value, Word};

const PATTERNS: [&str; 7] = ["*", "a*", "*b", "", "a\\*b", "\u{e9}", "*a*b*"];

/// What a condition may speak of: the types of a request's parts.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) principal: String,
    pub(crate) resource: String,
    pub(crate) actions: Vec<Uid>,
    /// The members that the contexts of all these actions have alike.
    pub(crate) context: Vec<Field>,
    /// The sides that conditions speak of: both, or one while the other may be of any type.
    pub(crate) sides: Vec<Word>,
}

pub(crate) struct Conditions<'a> {
    pub(crate) dice: &'a mut Dice,
    pub(crate) schema: &'a Schema,
    pub(crate) pools: &'a Pools,
    pub(crate) site: Site,
    /// How far it may reach from the request.
    pub(crate) reach: Reach,
}

/// How far conditions may reach: a policy set whose levels are low can be evaluated over a few
/// entities, others cannot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// The most attributes and tags in a row.
    pub(crate) steps: usize,
    /// Whether entities named in a policy, and those that an `if` chooses, are looked into.
    pub(crate) anywhere: bool,
}

/// What must hold for an expression to have a value, in order.
type Guards = Vec<Expr>;

// === impl Conditions ===

impl Conditions<'_> {
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.dice.below(from.len())].clone()
    }

    /// A condition of at most `depth` levels.
    pub(crate) fn condition(&mut self, depth: usize) -> Expr {
        if depth > 0 && !self.dice.one_in(4) {
            let inner = depth - 1;
            return match self.dice.below(8) {
                0..=2 => self.condition(inner).and(self.condition(inner)),
                3 | 4 => self.binary(inner, "||"),
                5 => self.condition(inner).not(),
                _ => {
                    let (then, other) = (self.condition(inner), self.condition(inner));
                    Expr::If(Box::new(self.condition(inner)), Box::new(then), Box::new(other))
                }
            };
        }
        let mut guards = Guards::new();
        let atom = self.atom(depth, &mut guards);
        self.guarded(guards, atom)
    }

    /// A condition that is often evaluated to an error: sums and times near the ends of their
    /// ranges, and attributes of entities that may not be stored.
    pub(crate) fn risky(&mut self) -> Expr {
        let mut guards = Guards::new();
        let depth = self.dice.below(3);
        let atom = match self.dice.below(3) {
            0 => self.equality(depth, &mut guards),
            _ => self.comparison(depth, &mut guards),
        };
        self.guarded(guards, atom)
    }

    fn binary(&mut self, inner: usize, operator: &'static str) -> Expr {
        let (left, right) = (self.condition(inner), self.condition(inner));
        Expr::Binary(Box::new(left), operator, Box::new(right))
    }

    /// The atom behind its guards: with `&&`, or with `if` where something else is said of those
    /// that lack what is guarded.
    fn guarded(&mut self, guards: Guards, atom: Expr) -> Expr {
        let mut all = guards.into_iter();
        let Some(first) = all.next() else { return atom };
        let guard = all.fold(first, Expr::and);
        if self.dice.one_in(5) {
            let other = Expr::boolean(self.dice.one_in(2));
            return Expr::If(Box::new(guard), Box::new(atom), Box::new(other));
        }
        guard.and(atom)
    }

    /// An expression of type `Bool` that is no combination of others.
    fn atom(&mut self, depth: usize, guards: &mut Guards) -> Expr {
        match self.dice.below(16) {
            0..=2 => self.equality(depth, guards),
            3 | 4 => self.comparison(depth, guards),
            5..=7 => self.membership(guards),
            8 => {
                let text = self.of(&Ty::Str, depth, guards);
                Expr::Like(Box::new(text), self.pick(&PATTERNS))
            }
            9 => self.is(guards),
            10 | 11 => self.contains(depth, guards),
            12 => self.presence(guards),
            13 => self.extension_test(guards),
            14 => self.about_action(),
            _ => self.of(&Ty::Bool, depth, guards),
        }
    }

    fn equality(&mut self, depth: usize, guards: &mut Guards) -> Expr {
        // What can be reached decides the type, so that attributes meet each other.
        let (left, ty) = self.walk(None, guards).unwrap_or((Expr::boolean(true), Ty::Bool));
        let right = self.of(&ty, depth, guards);
        let operator = if self.dice.one_in(3) { "!=" } else { "==" };
        Expr::Binary(Box::new(left), operator, Box::new(right))
    }

    fn comparison(&mut self, depth: usize, guards: &mut Guards) -> Expr {
        let ty = match self.dice.below(6) {
            0 => Ty::Extension("datetime"),
            1 => Ty::Extension("duration"),
            2 => {
                let decimal = Ty::Extension("decimal");
                let (left, right) =
                    (self.of(&decimal, depth, guards), self.of(&decimal, depth, guards));
                let methods = ["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"];
                return left.call(self.pick(&methods), vec![right]);
            }
            _ => Ty::Long,
        };
        // Sums and times are made at any depth: what errs must come up.
        let left = match self.dice.below(3) {
            0 => None,
            _ => self.composed(&ty, depth.saturating_sub(1), guards),
        };
        let left = left.unwrap_or_else(|| self.of(&ty, depth, guards));
        let right = self.of(&ty, depth, guards);
        Expr::Binary(Box::new(left), self.pick(&["<", "<=", ">", ">="]), Box::new(right))
    }

    /// `in`, of an entity, of a list, or of an attribute that is a set of entities.
    fn membership(&mut self, guards: &mut Guards) -> Expr {
        let (left, ty) = self.entity(guards);
        let above: Vec<String> = self.schema.above(&ty).into_iter().collect();
        let group = self.pick(&above);
        let right = match self.dice.below(4) {
            0 => {
                let count = 1 + self.dice.below(3);
                Expr::Set(
                    (0..count).map(|_| self.of(&Ty::Entity(group.clone()), 0, guards)).collect(),
                )
            }
            1 => {
                let set = Ty::Set(Box::new(Ty::Entity(group.clone())));
                self.of(&set, 0, guards)
            }
            _ => self.of(&Ty::Entity(group), 0, guards),
        };
        Expr::Binary(Box::new(left), "in", Box::new(right))
    }

    fn is(&mut self, guards: &mut Guards) -> Expr {
        let (entity, ty) = self.entity(guards);
        let names: Vec<String> = self.schema.types.iter().map(|ty| ty.name.clone()).collect();
        let asked = if self.dice.one_in(2) { ty.clone() } else { self.pick(&names) };
        let group = self.dice.one_in(3).then(|| {
            let above: Vec<String> = self.schema.above(&ty).into_iter().collect();
            let group = self.pick(&above);
            Box::new(self.of(&Ty::Entity(group), 0, guards))
        });
        Expr::Is(Box::new(entity), asked, group)
    }

    fn contains(&mut self, depth: usize, guards: &mut Guards) -> Expr {
        let found = self.walk(Some(&|ty| matches!(ty, Ty::Set(_))), guards);
        let (set, element) = if let Some((set, Ty::Set(element))) = found {
            (set, *element)
        } else {
            let element = self.simple();
            (self.of(&Ty::Set(Box::new(element.clone())), depth, guards), element)
        };
        match self.dice.below(5) {
            0 => set.call("isEmpty", Vec::new()),
            1 => {
                let other = self.of(&Ty::Set(Box::new(element)), depth, guards);
                set.call(self.pick(&["containsAll", "containsAny"]), vec![other])
            }
            _ => {
                let item = self.of(&element, depth, guards);
                set.call("contains", vec![item])
            }
        }
    }

    /// `has` and `hasTag` for their own sake, also of what is always there in what is stored.
    fn presence(&mut self, guards: &mut Guards) -> Expr {
        let (entity, ty) = self.entity(guards);
        let ty = self.schema.entity_type(&ty).unwrap();
        if ty.tags.is_some() && self.dice.one_in(2) {
            return entity.call("hasTag", vec![string(self.pick(&TAGS))]);
        }
        if ty.fields.is_empty() {
            return Expr::Has(Box::new(entity), vec!["owner".to_owned()]);
        }
        let field = self.pick(&ty.fields);
        let mut path = vec![field.name];
        if let Ty::Record(fields) = field.ty
            && !fields.is_empty()
            && path.iter().all(|step| step.is_ascii() && !step.contains(' ') && step != "if")
        {
            let inner = self.pick(&fields).name;
            if inner.is_ascii() && !inner.contains(' ') && inner != "if" {
                path.push(inner);
            }
        }
        Expr::Has(Box::new(entity), path)
    }

    fn extension_test(&mut self, guards: &mut Guards) -> Expr {
        let ip = Ty::Extension("ipaddr");
        let address = self.of(&ip, 0, guards);
        let method = self.pick(&["isIpv4", "isIpv6", "isLoopback", "isMulticast", "isInRange"]);
        let range = (method == "isInRange").then(|| self.of(&ip, 0, guards));
        address.call(method, range.into_iter().collect())
    }

    fn about_action(&mut self) -> Expr {
        let action = self.pick(&self.site.actions.clone());
        let groups: Vec<Uid> = self.schema.groups_of(&action).into_iter().collect();
        let group = self.pick(&groups);
        let literal = |uid: Uid| Expr::Literal(Value::Entity(uid));
        let variable = Box::new(Expr::Variable("action"));
        match self.dice.below(3) {
            0 => Expr::Binary(variable, "==", Box::new(literal(action))),
            1 => Expr::Binary(variable, "in", Box::new(literal(group))),
            _ => Expr::Binary(variable, "in", Box::new(Expr::Set(vec![literal(group)]))),
        }
    }

    fn simple(&mut self) -> Ty {
        let name = self.pick(&self.schema.types).name;
        self.pick(&[Ty::Long, Ty::Str, Ty::Bool, Ty::Entity(name)])
    }

    /// An entity of some type.
    fn entity(&mut self, guards: &mut Guards) -> (Expr, String) {
        match self.walk(Some(&|ty| matches!(ty, Ty::Entity(_))), guards) {
            Some((expr, Ty::Entity(name))) => (expr, name),
            _ => self.side(),
        }
    }

    /// An expression of a type.
    fn of(&mut self, ty: &Ty, depth: usize, guards: &mut Guards) -> Expr {
        if !self.dice.one_in(4)
            && let Some((expr, _)) = self.walk(Some(&|found| found == ty), guards)
        {
            return expr;
        }
        if depth > 0 && self.dice.one_in(2) {
            let inner = depth - 1;
            if self.dice.one_in(3) {
                let condition = self.condition(inner);
                let (then, other) = (self.of(ty, inner, guards), self.of(ty, inner, guards));
                return Expr::If(Box::new(condition), Box::new(then), Box::new(other));
            }
            if let Some(expr) = self.composed(ty, inner, guards) {
                return expr;
            }
        }
        match ty {
            Ty::Set(element) => {
                let count = 1 + self.dice.below(3);
                Expr::Set((0..count).map(|_| self.of(element, 0, guards)).collect())
            }
            Ty::Record(fields) => {
                let kept = fields.iter().filter(|field| field.required || self.dice.one_in(2));
                let kept: Vec<Field> = kept.cloned().collect();
                let members =
                    kept.into_iter().map(|field| (field.name, self.of(&field.ty, 0, guards)));
                Expr::Record(members.collect())
            }
            Ty::Entity(name) => Expr::Literal(Value::Entity(self.pools.any(self.dice, name))),
            _ => Expr::Literal(entities::value(self.dice, ty, self.pools)),
        }
    }

    /// An expression of a type made of others: sums that may overflow, times that may leave their
    /// range, members of records written here.
    fn composed(&mut self, ty: &Ty, inner: usize, guards: &mut Guards) -> Option<Expr> {
        let (datetime, duration) = (Ty::Extension("datetime"), Ty::Extension("duration"));
        Some(match (ty, self.dice.below(4)) {
            (Ty::Long, 0) => {
                let method = self.pick(&["toMilliseconds", "toSeconds", "toHours", "toDays"]);
                self.of(&duration, inner, guards).call(method, Vec::new())
            }
            (Ty::Long, 1) => Expr::Unary("-", Box::new(self.of(&Ty::Long, inner, guards))),
            (Ty::Long, _) => {
                let (left, right) =
                    (self.of(&Ty::Long, inner, guards), self.of(&Ty::Long, inner, guards));
                Expr::Binary(Box::new(left), self.pick(&["+", "-", "*"]), Box::new(right))
            }
            (Ty::Extension("datetime"), 0) => {
                self.of(&datetime, inner, guards).call("toDate", Vec::new())
            }
            (Ty::Extension("datetime"), _) => {
                let offset = self.of(&duration, inner, guards);
                self.of(&datetime, inner, guards).call("offset", vec![offset])
            }
            (Ty::Extension("duration"), 0) => {
                self.of(&datetime, inner, guards).call("toTime", Vec::new())
            }
            (Ty::Extension("duration"), _) => {
                let since = self.of(&datetime, inner, guards);
                self.of(&datetime, inner, guards).call("durationSince", vec![since])
            }
            (Ty::Bool, _) => self.condition(inner),
            (Ty::Set(_) | Ty::Record(_), _) => return None,
            (_, _) => {
                let member = self.of(ty, inner, guards);
                Expr::Record(vec![("m".to_owned(), member)]).get("m")
            }
        })
    }

    /// Follows attributes and tags from a variable to something of a wanted type. What was guarded
    /// on the way of a walk that led nowhere is dropped.
    fn walk(
        &mut self,
        wanted: Option<&dyn Fn(&Ty) -> bool>,
        guards: &mut Guards,
    ) -> Option<(Expr, Ty)> {
        for _ in 0..8 {
            let mut new = Guards::new();
            if let Some(found) = self.walk_once(wanted, &mut new) {
                for guard in new {
                    if !guards.contains(&guard) {
                        guards.push(guard);
                    }
                }
                return Some(found);
            }
        }
        None
    }

    fn walk_once(
        &mut self,
        wanted: Option<&dyn Fn(&Ty) -> bool>,
        guards: &mut Guards,
    ) -> Option<(Expr, Ty)> {
        let (mut expr, mut ty) = self.start(guards);
        for _ in 0..self.reach.steps {
            let is_context = expr == Expr::Variable("context");
            if !is_context && wanted.is_none_or(|wanted| wanted(&ty)) && self.dice.one_in(2) {
                return Some((expr, ty));
            }
            let fields = match &ty {
                Ty::Entity(name) => {
                    let entity_type = self.schema.entity_type(name)?;
                    if let Some(tag) = &entity_type.tags
                        && self.dice.one_in(3)
                    {
                        let key = string(self.pick(&TAGS));
                        guards.push(expr.clone().call("hasTag", vec![key.clone()]));
                        (expr, ty) = (expr.call("getTag", vec![key]), tag.clone());
                        continue;
                    }
                    entity_type.fields.clone()
                }
                Ty::Record(fields) => fields.clone(),
                _ => return None,
            };
            if fields.is_empty() {
                return None;
            }
            let field = self.pick(&fields);
            if !field.required || self.dice.one_in(12) {
                guards.push(Expr::Has(Box::new(expr.clone()), vec![field.name.clone()]));
            }
            (expr, ty) = (expr.get(&field.name), field.ty);
        }
        wanted.is_none_or(|wanted| wanted(&ty)).then_some((expr, ty))
    }

    fn start(&mut self, guards: &mut Guards) -> (Expr, Ty) {
        let (side, name) = self.side();
        match self.dice.below(if self.reach.anywhere { 11 } else { 8 }) {
            0..=5 => (side, Ty::Entity(name)),
            6 | 7 => (Expr::Variable("context"), Ty::Record(self.site.context.clone())),
            8 => {
                let name = self.pick(&self.schema.types).name;
                let one = Expr::Literal(Value::Entity(self.pools.any(self.dice, &name)));
                (one, Ty::Entity(name))
            }
            9 => {
                let other = Expr::Literal(Value::Entity(self.pools.any(self.dice, &name)));
                let condition = self.of(&Ty::Bool, 0, guards);
                let chosen = Expr::If(Box::new(condition), Box::new(side), Box::new(other));
                (chosen, Ty::Entity(name))
            }
            _ => (Expr::Record(vec![("m".to_owned(), side)]).get("m"), Ty::Entity(name)),
        }
    }

    /// The principal or the resource, with its type.
    fn side(&mut self) -> (Expr, String) {
        let side = self.pick(&self.site.sides.clone());
        let Site { principal, resource, .. } = &self.site;
        (Expr::Variable(side), if side == "principal" { principal } else { resource }.clone())
    }
}

fn string(text: &str) -> Expr {
    Expr::Literal(Value::Str(text.to_owned()))
}
