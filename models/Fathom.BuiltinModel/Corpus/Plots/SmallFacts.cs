namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>A few plain facts about people and things, in any order: the shortest text that can be asked about.</summary>
internal static class SmallFacts
{
    public static void Tell(Story s, Cast c)
    {
        Person[] people = [c.Hero, c.Friend, c.Third];
        int facts = 1 + s.Random.Next(4);
        int first = s.Random.Next(8);
        for (int i = 0; i < facts; i++)
            Fact(s, c, people[i % people.Length], (first + (i * 3)) % 8, i);
        s.Topic("people and things");
    }

    private static void Fact(Story s, Cast c, Person person, int kind, int number)
    {
        string name = person.Name;
        Item item = number % 2 == 0 ? c.Item : c.OtherItem;
        string colour = number % 2 == 0 ? c.Colour : c.OtherColour;
        switch (kind)
        {
            case 0:
                s.Say($"{name} has {English.A($"{colour} {item.Name}")}.", $"{name} had {English.A($"{colour} {item.Name}")}.", $"{name} got {English.A($"{colour} {item.Name}")}.");
                Scene.AskColour(s, item.Name, colour);
                s.Ask($"{name} has the {item.Name}.", $"Who has the {item.Name}?", $"Whose {item.Name} is it?");
                s.Ask($"{name} has {English.A($"{colour} {item.Name}")}.", $"What does {name} have?", $"What did {name} have?", $"What did {name} get?");
                return;
            case 1:
                Place place = number == 0 ? c.Place : c.OtherPlace;
                s.Say($"{name} went to {place.The}.", $"{name} is {place.At}.", $"{name} was {place.At}.");
                s.Ask($"{name} is {place.At}.", $"Where is {name}?", $"Where was {name}?", $"Where did {name} go?");
                s.Ask($"{name} is {place.At}.", $"Who is {place.At}?", $"Who was {place.At}?", $"Who went to {place.The}?");
                return;
            case 2:
                int age = 3 + s.Random.Next(10);
                s.Say($"{name} is {World.Numbers[age]} years old.", $"{name} was {World.Numbers[age]} years old.");
                s.Ask($"{name} is {World.Numbers[age]} years old.", $"How old is {name}?", $"How old was {name}?");
                return;
            case 3:
                var fruit = s.Random.Pick(World.Fruit);
                int count = 2 + s.Random.Next(9);
                s.Say($"{name} has {English.Count(count, fruit)}.", $"{name} had {English.Count(count, fruit)}.", $"{name} bought {English.Count(count, fruit)}.");
                s.Ask($"{name} has {English.Count(count, fruit)}.", $"How many {fruit.Many} does {name} have?", $"How many {fruit.Many} did {name} have?", $"What does {name} have?");
                return;
            case 4:
                s.Say($"{name} likes {c.Food}.", $"{name} loves {c.Food}.", $"{name} likes to eat {c.Food}.");
                s.Ask($"{name} likes {c.Food}.", $"What does {name} like?", $"What does {name} like to eat?", $"What does {name} love?");
                s.Ask($"{name} likes {c.Food}.", $"Who likes {c.Food}?");
                return;
            case 5:
                s.Say($"{name} has {English.A(c.Animal.Name)} named {c.AnimalName}.", $"{name}'s {c.Animal.Name} is called {c.AnimalName}.");
                s.Ask($"The {c.Animal.Name} is called {c.AnimalName}.", $"What is the name of the {c.Animal.Name}?", $"What is the {c.Animal.Name} called?", $"What is the name of {name}'s {c.Animal.Name}?");
                s.Ask($"{c.AnimalName} is {English.A(c.Animal.Name)}.", $"Who is {c.AnimalName}?", $"What kind of animal is {c.AnimalName}?");
                s.Ask($"{name} has {English.A(c.Animal.Name)}.", $"Who has {English.A(c.Animal.Name)}?", $"Which animal does {name} have?");
                return;
            case 6:
                s.Say($"It is {c.Weather.Adjective} today.", $"It was {c.Weather.Adjective}.", $"Today it is {c.Weather.Adjective}.");
                Scene.AskWeather(s, c.Weather.Adjective);
                return;
            default:
                var (feeling, cause) = s.Random.Pick([("sad", $"lost {person.His} {item.Name}"), ("happy", $"got {English.A(item.Name)}"), ("tired", "ran all day"), ("angry", "could not find anything"), ("hungry", "did not eat"), ("glad", $"found {person.His} {item.Name}")]);
                s.Say($"{name} was {feeling} because {person.He} {cause}.", $"{name} {cause}, so {person.He} was {feeling}.");
                s.Ask($"{name} was {feeling} because {person.He} {cause}.", $"Why was {name} {feeling}?", $"Why is {name} {feeling}?");
                s.Ask($"{name} felt {feeling}.", $"How did {name} feel?", $"How was {name}?");
                s.Ask($"{name} was {feeling}.", $"Who was {feeling}?");
                return;
        }
    }
}
