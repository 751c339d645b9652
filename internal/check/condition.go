package check

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// A condition is a compiled expression whose answer is yes or no.
type condition struct {
	program *vm.Program
	uses    []string // the top-level names in it
}

// The bounds of a condition: it is written by a person, and runs for every item
// of every host.
const (
	maxCondition = 2048 // bytes
	maxNodes     = 200
)

// builtins are the functions of the expression language that conditions may
// call: none reads a clock, none makes something large out of something small.
var builtins = []string{
	"abs", "all", "any", "ceil", "count", "duration", "filter", "floor", "len",
	"lower", "max", "min", "none", "one", "round", "trim", "upper",
}

// predicates are the builtins that run an expression for each item of a list.
var predicates = []string{"all", "any", "count", "filter", "none", "one"}

// functions are our own.
var functions = []string{"GiB", "KiB", "MiB", "days_since", "days_until", "ratio"}

// errZero makes the answer unknown: there is nothing to compare.
var errZero = errors.New("division by zero")

// A sourceError is a mistake at a place in a text.
type sourceError struct {
	offset  int // in runes
	message string
	near    string
}

func (e *sourceError) Error() string { return e.message }

// compile turns a condition's text into a program, or says where it is wrong.
func compile(text string, s scope) (*condition, *sourceError) {
	if len(text) > maxCondition {
		return nil, &sourceError{message: fmt.Sprintf("condition of %d bytes: at most %d are accepted", len(text), maxCondition)}
	}
	if !utf8.ValidString(text) {
		return nil, &sourceError{message: "condition is not valid UTF-8"}
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return nil, exprError(err)
	}
	guard := &guard{scope: s}
	guard.walk(tree.Node, 0)
	if guard.err != nil {
		return nil, guard.err
	}
	program, err := expr.Compile(text, options(s)...)
	if err != nil {
		return nil, exprError(err)
	}
	return &condition{program, guard.uses}, nil
}

// options are the language that conditions are written in.
func options(s scope) []expr.Option {
	opts := []expr.Option{
		expr.Env(s.env()), expr.AsBool(), expr.MaxNodes(maxNodes), expr.DisableAllBuiltins(),
		expr.Function("ratio", ratio,
			new(func(float64, float64) float64), new(func(int, int) float64),
			new(func(float64, int) float64), new(func(int, float64) float64),
			new(func(time.Duration, time.Duration) float64)),
	}
	for name, unit := range map[string]float64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		opts = append(opts, expr.Function(name,
			func(args ...any) (any, error) { return number(args[0]) * unit, nil },
			new(func(int) float64), new(func(float64) float64)))
	}
	for _, name := range builtins {
		opts = append(opts, expr.EnableBuiltin(name))
	}
	return opts
}

// ratio is the one way to divide.
func ratio(args ...any) (any, error) {
	divisor := number(args[1])
	if divisor == 0 {
		return nil, errZero
	}
	return number(args[0]) / divisor, nil
}

// number widens the numeric kinds that conditions know.
func number(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	case time.Duration:
		return float64(n)
	}
	return math.NaN()
}

// exprError takes the place and the first line of the language's own message.
func exprError(err error) *sourceError {
	var at *file.Error
	if errors.As(err, &at) {
		return &sourceError{offset: at.From, message: firstLine(at.Message)}
	}
	return &sourceError{message: firstLine(err.Error())}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// holds evaluates the condition.
func (c *condition) holds(env map[string]any) (bool, error) {
	if c == nil {
		return false, nil
	}
	answer, err := expr.Run(c.program, env)
	if err != nil {
		return false, errors.New(exprError(err).message)
	}
	yes, _ := answer.(bool)
	return yes, nil
}

// A guard refuses what the language would accept and we do not: names nobody
// has, work without bounds, and arithmetic that answers where it should not.
type guard struct {
	scope scope
	uses  []string
	err   *sourceError
}

// walk visits a tree. depth counts the predicates around the node.
func (g *guard) walk(node ast.Node, depth int) {
	if node == nil || g.err != nil {
		return
	}
	switch n := node.(type) {
	case *ast.IdentifierNode:
		g.name(n)
	case *ast.MemberNode:
		g.member(n, depth)
	case *ast.CallNode:
		g.call(n, depth)
	case *ast.BuiltinNode:
		g.builtin(n, depth)
	case *ast.BinaryNode:
		g.binary(n, depth)
	case *ast.UnaryNode:
		g.walk(n.Node, depth)
	case *ast.ChainNode:
		g.walk(n.Node, depth)
	case *ast.PredicateNode:
		g.walk(n.Node, depth)
	case *ast.ConditionalNode:
		g.walk(n.Cond, depth)
		g.walk(n.Exp1, depth)
		g.walk(n.Exp2, depth)
	case *ast.ArrayNode:
		for _, inner := range n.Nodes {
			g.walk(inner, depth)
		}
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode, *ast.ConstantNode, *ast.PointerNode:
	default:
		g.refuse(node, "this kind of expression is not accepted in a condition", "")
	}
}

// name holds an identifier against the scope.
func (g *guard) name(n *ast.IdentifierNode) {
	if _, err := g.scope.resolve(n.Value); err != nil {
		g.refuse(n, err.message, err.near)
		return
	}
	if !slices.Contains(g.uses, n.Value) {
		g.uses = append(g.uses, n.Value)
	}
}

// member holds a dotted path against the scope, so that the nearest field can
// be named. A path inside a predicate is left to the language's own check.
func (g *guard) member(n *ast.MemberNode, depth int) {
	path, nodes := dotted(n)
	if path == "" {
		g.walk(n.Node, depth)
		g.walk(n.Property, depth)
		return
	}
	first, _, _ := strings.Cut(path, ".")
	if _, err := g.scope.resolve(path); err != nil {
		g.refuse(nodes[err.part], err.message, err.near)
		return
	}
	if !slices.Contains(g.uses, first) {
		g.uses = append(g.uses, first)
	}
}

// dotted returns a chain of plain members as a path, and the node of each part;
// empty when there is anything else in it.
func dotted(n *ast.MemberNode) (string, []ast.Node) {
	property, ok := n.Property.(*ast.StringNode)
	if !ok {
		return "", nil
	}
	switch base := n.Node.(type) {
	case *ast.IdentifierNode:
		return base.Value + "." + property.Value, []ast.Node{base, property}
	case *ast.MemberNode:
		path, nodes := dotted(base)
		if path == "" {
			return "", nil
		}
		return path + "." + property.Value, append(nodes, property)
	}
	return "", nil
}

// call accepts our own functions and nothing else: no methods of values.
func (g *guard) call(n *ast.CallNode, depth int) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		g.refuse(n, "values have no methods here", "")
		return
	}
	if !slices.Contains(functions, callee.Value) {
		g.refuse(n.Callee, "unknown function "+callee.Value, Nearest(callee.Value, slices.Concat(functions, builtins)))
		return
	}
	for _, arg := range n.Arguments {
		g.walk(arg, depth)
	}
}

// builtin accepts the listed ones, and no predicate inside another: that is
// how a short line becomes hours of work.
func (g *guard) builtin(n *ast.BuiltinNode, depth int) {
	if !slices.Contains(builtins, n.Name) {
		g.refuse(n, "function "+n.Name+" is not available in conditions", "")
		return
	}
	if slices.Contains(predicates, n.Name) {
		if depth++; depth > 1 {
			g.refuse(n, n.Name+" inside another function over a list is not accepted", "")
			return
		}
	}
	for _, arg := range n.Arguments {
		g.walk(arg, depth)
	}
}

// binary refuses the operators that have an answer where there is none, or make
// something large.
func (g *guard) binary(n *ast.BinaryNode, depth int) {
	switch n.Operator {
	case "/", "%":
		g.refuse(n, "division is written ratio(a, b), which is unknown when b is 0", "")
		return
	case "..", "**", "^", "??":
		g.refuse(n, "operator "+n.Operator+" is not accepted in conditions", "")
		return
	}
	g.walk(n.Left, depth)
	g.walk(n.Right, depth)
}

func (g *guard) refuse(node ast.Node, message, near string) {
	g.err = &sourceError{offset: node.Location().From, message: message, near: near}
}
